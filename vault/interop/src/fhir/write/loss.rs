//! What a Bundle does not carry of an entry, and why. Never a value of the entry.

use carnet_record::EntryId;

/// Something of an entry that the Bundle does not carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The entry.
    pub entry: EntryId,
    /// Its kind.
    pub kind: String,
    /// The field, or `*` for all of it.
    pub field: String,
    /// Why.
    pub reason: LossReason,
}

/// Why something is not in a Bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LossReason {
    /// FHIR tells none known from unavailable, and nothing else.
    AbsenceMeaning,
    /// Known to calendars only.
    CalendarOnly,
    /// The category is found again from the type and the class of the document.
    CategoryFromType,
    /// What was kept word for word no longer fits what the entry says now.
    ChangedSinceRead,
    /// A code outside the list that FHIR binds there.
    CodeNotAllowed,
    /// FHIR asks for the number of the dose beside it.
    DoseNumberMissing,
    /// FHIR does not allow it beside an end.
    EndBeside,
    /// The bytes of the document were not given.
    FileNotGiven,
    /// A field that this version does not know.
    LaterVersion,
    /// The resource has no place for a link of that kind, or what it leads to is not in the Bundle.
    LinkLeftOut,
    /// The name stands in its place.
    NameInPlace,
    /// A code of the national service that has no equal.
    NationalOnly,
    /// The resource has no note.
    NoNote,
    /// FHIR R4 has no place for it.
    NoPlace,
    /// The resource that the entry becomes has no place for it.
    NoPlaceInResource,
    /// FHIR has no resource for the whole entry.
    NoResource,
    /// It comes back otherwise than it was.
    NotAsItWas,
    /// The last identity sheet stands for the person.
    OtherSheet,
    /// Kept word for word from a source of another form.
    OtherSource,
    /// Said by the server of origin.
    ServerOnly,
    /// The words are inside the bytes.
    TextInFile,
    /// When each of the actors acted.
    TimeOfActor,
    /// It belongs to the vault alone.
    VaultOnly,
    /// Beside a date FHIR has no place for the words.
    WordsBesideDate,
}

impl LossReason {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::AbsenceMeaning,
        Self::CalendarOnly,
        Self::CategoryFromType,
        Self::ChangedSinceRead,
        Self::CodeNotAllowed,
        Self::DoseNumberMissing,
        Self::EndBeside,
        Self::FileNotGiven,
        Self::LaterVersion,
        Self::LinkLeftOut,
        Self::NameInPlace,
        Self::NationalOnly,
        Self::NoNote,
        Self::NoPlace,
        Self::NoPlaceInResource,
        Self::NoResource,
        Self::NotAsItWas,
        Self::OtherSheet,
        Self::OtherSource,
        Self::ServerOnly,
        Self::TextInFile,
        Self::TimeOfActor,
        Self::VaultOnly,
        Self::WordsBesideDate,
    ];

    /// Its code, for programs.
    pub const fn as_str(self) -> &'static str {
        self.told().0
    }

    /// Its sentence, for documentation.
    pub const fn words(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::AbsenceMeaning => ("absence-meaning", "FHIR tells none known from unavailable, and nothing else"),
            Self::CalendarOnly => ("calendar-only", "kept for calendars"),
            Self::CategoryFromType => ("category-from-type", "found again from the type and the class"),
            Self::ChangedSinceRead => ("changed-since-read", "changed since it was read: its extensions no longer fit"),
            Self::CodeNotAllowed => ("code-not-allowed", "the code is not one that FHIR allows there"),
            Self::DoseNumberMissing => ("dose-number-missing", "FHIR asks for the number of the dose beside it"),
            Self::EndBeside => ("end-beside", "FHIR does not allow it beside an end"),
            Self::FileNotGiven => ("file-not-given", "the bytes are not in the Bundle"),
            Self::LaterVersion => ("later-version", "a field that this version does not know"),
            Self::LinkLeftOut => ("link-left-out", "no place for such a link, or what it leads to is not there"),
            Self::NameInPlace => ("name-in-place", "the name stands in its place"),
            Self::NationalOnly => ("national-only", "a code of Mon espace sant\u{e9} only"),
            Self::NoNote => ("no-note", "the resource has no note"),
            Self::NoPlace => ("no-place", "FHIR R4 has no place for it"),
            Self::NoPlaceInResource => ("no-place-in-resource", "the resource has no place for it"),
            Self::NoResource => ("no-resource", "FHIR has no resource for it"),
            Self::NotAsItWas => ("not-as-it-was", "it comes back otherwise than it was"),
            Self::OtherSheet => ("other-sheet", "the last identity sheet stands for the person"),
            Self::OtherSource => ("other-source", "kept word for word from a source of another form"),
            Self::ServerOnly => ("server-only", "said by the server of origin, not by us"),
            Self::TextInFile => ("text-in-file", "the words are inside the bytes"),
            Self::TimeOfActor => ("time-of-actor", "when each of them acted"),
            Self::VaultOnly => ("vault-only", "kept in the vault only"),
            Self::WordsBesideDate => ("words-beside-date", "beside a date FHIR has no place for the words"),
        }
    }
}
