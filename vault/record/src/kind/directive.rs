//! Advance directives of an adult: the two forms of Mon espace santé, for who is in good health and for who nears the end of
//! life. The signed paper is a document beside, which the entry links to. A record has one; earlier ones stay in its history.

use crate::form::{
    Answers::{Among, Words},
    Question, form,
};

crate::code_enum! {
    /// Which of the two forms was filled in.
    pub enum Situation {
        /// That of who is in good health.
        GoodHealth = "GOOD_HEALTH",
        /// That of who nears the end of life.
        EndOfLife = "END_OF_LIFE",
    }
}

const fn words(code: &'static str) -> Question {
    Question::new(code, Words)
}

const fn at_the_end(code: &'static str) -> Question {
    words(code).only_if("situation", "END_OF_LIFE")
}

form! {
    /// Advance directives.
    pub struct Directive {
        /// Which form.
        situation: Situation = Question::new("situation", Among(Situation::KNOWN)).needed(),
        /// The circumstances that are meant.
        context: String = words("contexte").needed(),
        /// Being kept alive artificially.
        life_support: String = words("maintientArtificiel").needed(),
        /// Sedation.
        sedation: String = words("sedation").needed(),
        /// Acts and treatments, of who is in good health.
        acts: String = words("actesEtTraitements").only_if("situation", "GOOD_HEALTH").needed(),
        /// Acts that may be begun: resuscitation of the heart.
        started_resuscitation: String = at_the_end("actesEtTraitementsEntrepris.reanimationCardiaque"),
        /// Acts that may be begun: being connected to an apparatus.
        started_machine: String = at_the_end("actesEtTraitementsEntrepris.branchement"),
        /// Acts that may be begun: surgery.
        started_surgery: String = at_the_end("actesEtTraitementsEntrepris.interventionChirurgicale"),
        /// Acts that may be begun: others.
        started_other: String = at_the_end("actesEtTraitementsEntrepris.autres"),
        /// Acts that may be stopped: resuscitation of the heart.
        stopped_resuscitation: String = at_the_end("actesEtTraitementsArretes.reanimationCardiaque"),
        /// Acts that may be stopped: being connected to an apparatus.
        stopped_machine: String = at_the_end("actesEtTraitementsArretes.branchement"),
        /// Acts that may be stopped: surgery.
        stopped_surgery: String = at_the_end("actesEtTraitementsArretes.interventionChirurgicale"),
        /// Acts that may be stopped: others.
        stopped_other: String = at_the_end("actesEtTraitementsArretes.autres"),
        /// Particular acts: resuscitation of the heart.
        specific_resuscitation: String = at_the_end("actesEtTraitementsSpecifiques.reanimationCardiaque"),
        /// Particular acts: being connected to an apparatus.
        specific_machine: String = at_the_end("actesEtTraitementsSpecifiques.branchement"),
        /// Particular acts: surgery.
        specific_surgery: String = at_the_end("actesEtTraitementsSpecifiques.interventionChirurgicale"),
        /// Particular acts: others.
        specific_other: String = at_the_end("actesEtTraitementsSpecifiques.autres"),
    }
}
