//! A document: what is known about a file, and where the vault keeps its bytes.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When, person::Actor};

crate::code_enum! {
    /// The categories of Mon espace santé.
    pub enum Category {
        /// Autres documents.
        Autre = "AUTR_DOC",
        /// Résultats de biologie.
        Biologie = "BIOLOGIE",
        /// Carnet de vaccination.
        CarnetVaccination = "CAR_VAC",
        /// Certificats médicaux.
        Certificat = "CERT_MED",
        /// Comptes rendus.
        CompteRendu = "CPT_REND",
        /// Prévention et dépistages.
        Depistage = "DEPISTAG",
        /// Directives anticipées.
        DirectivesAnticipees = "DIR_ANT",
        /// Pièces administratives.
        Administratif = "DOC_ADM",
        /// Ordonnances et soins.
        OrdonnancesSoins = "ORD_SOIN",
        /// Questionnaire santé.
        Questionnaire = "QUEST_SANTE",
        /// Radio, écho, scanner, IRM.
        Radiologie = "RADIO_SC",
        /// Remboursements.
        Remboursement = "REMB",
        /// Ma santé en résumé.
        Synthese = "SYNTHESE",
        /// Synthèse du profil médical.
        SyntheseProfil = "SYNTH_PML",
        /// Volontés de la personne.
        Volontes = "VDP",
    }
}

crate::code_enum! {
    /// A mark of confidentiality (value set J08, 1.2.250.1.213.1.1.4.13). A mark is never dropped.
    pub enum Confidentiality {
        /// Hidden from legal representatives.
        HiddenFromGuardians = "INVISIBLE_REPRESENTANTS_LEGAUX",
        /// Hidden from the patient: kept and flagged.
        HiddenFromPatient = "INVISIBLE_PATIENT",
        /// Hidden from professionals; its depositor still sees it.
        HiddenFromProfessionals = "MASQUE_PS",
        /// Normal.
        Normal = "N",
        /// Restricted.
        Restricted = "R",
        /// Very restricted.
        VeryRestricted = "V",
    }
}

/// Where the vault keeps the bytes of an attached file. Filled by the vault, never by an import.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// Id of the sealed file, in hexadecimal.
    pub object: String,
    /// Its key, as the vault writes it.
    pub key: String,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attachment({})", self.object)
    }
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Title; at most 200 characters when typed.
    pub title: Option<String>,
    /// Date of the document.
    pub date: Option<When>,
    /// Category.
    pub category: Option<Category>,
    /// Type codes (LOINC, `TRE_A05` and others).
    pub document_type: Concept,
    /// Class code.
    pub class: Option<Concept>,
    /// Format code.
    pub format: Option<String>,
    /// Marks of confidentiality.
    pub confidentiality: Vec<Confidentiality>,
    /// Authors, software included.
    pub authors: Vec<Actor>,
    /// Organisation that keeps the original.
    pub custodian: Option<Actor>,
    /// The producer's unique identifier: the key against doubles across routes.
    pub unique_id: Option<String>,
    /// Identifier common to all versions.
    pub set_id: Option<String>,
    /// Version, as said.
    pub version: Option<String>,
    /// Unique identifier of the document that this one replaces.
    pub replaces: Option<String>,
    /// `current`, `superseded` (FHIR).
    pub state: Option<String>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Begin of the care it is about.
    pub care_start: Option<When>,
    /// End of the care it is about.
    pub care_end: Option<When>,
    /// Kind of establishment (J02).
    pub facility: Option<Concept>,
    /// Practice setting (J04).
    pub setting: Option<Concept>,
    /// Acts it is about.
    pub events: Vec<Concept>,
    /// Name of the file.
    pub file_name: Option<String>,
    /// Media type, sniffed from the bytes when they are there.
    pub media_type: Option<String>,
    /// Size of the bytes.
    pub size: Option<u64>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: Option<String>,
    /// Pages, when that is known.
    pub pages: Option<u32>,
    /// Where the vault keeps the bytes.
    pub attachment: Option<Attachment>,
    /// Address at which the source kept the bytes, when they are not here.
    pub address: Option<String>,
    /// Text of a document that is only words: the narrative of a section, as plain text.
    pub text: Option<String>,
    /// Folder, one level.
    pub folder: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Kept on top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// A dispute of the person about the content.
    pub dispute: Option<String>,
}

impl Document {
    /// Whether the document holds wishes: advance directives, wishes, or the patient's type codes for them.
    pub fn states_wishes(&self) -> bool {
        const WISH_TYPES: [&str; 3] = ["EXPPAT_1", "EXPPAT_3", "42348-3"];
        matches!(self.category, Some(Category::DirectivesAnticipees | Category::Volontes))
            || self.document_type.codings.iter().any(|coding| WISH_TYPES.contains(&coding.code.as_str()))
    }
}
