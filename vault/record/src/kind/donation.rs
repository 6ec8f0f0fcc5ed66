//! Organ donation: whether the person knows how it is settled, and what they wish, in their own words. A refusal counts when
//! it stands in the national register: nothing here enters it there.

use crate::form::{
    Answers::{Words, YesNo},
    Question, form,
};

/// Where a refusal is entered (Agence de la biomédecine).
pub const REFUSAL_REGISTER: &str = "https://www.registrenationaldesrefus.fr";

form! {
    /// Organ donation.
    pub struct Donation {
        /// Whether the person is informed about organ donation.
        informed: bool = Question::new("informedAboutOrganDonation", YesNo),
        /// What the person wishes, for the relatives who will be asked.
        wish: String = Question::new("wish", Words),
    }
}
