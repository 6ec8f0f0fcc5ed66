//! Contacts from the command line with all that the national form asks of them.

use carnet_tests::process::Home;
use serde_json::json;

use crate::cli_forms::{id, pages};

#[test]
fn a_contact_has_the_fields_of_the_national_form_and_a_postal_address() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let words = ["contact", "add", "relative", "--prefix", "Mme", "--family", "Exemple", "--given", "Zoé"];
    let reach = ["--mobile", "+33 6 39 98 00 01", "--phone", "+33 1 99 00 00 01", "--email", "zoe@exemple.example"];
    let place = ["--street", "12, rue de l'Église", "--postal-code", "75011", "--city", "Paris", "--country", "France"];
    let part = ["--relation", "mother", "--types", "emergency,trusted,carer,helped"];
    let kept = carnet.run(&[&words[..], &reach, &place, &part].concat()).data();
    assert_eq!((&kept["name"]["prefix"], &kept["relation"]), (&json!(["Mme"]), &json!("MOTHER")));
    let numbers: Vec<_> =
        kept["telecoms"].as_array().expect("a list").iter().map(|one| (&one["value"], &one["use"])).collect();
    assert_eq!(numbers.len(), 3, "{kept}");
    assert!(numbers.contains(&(&json!("+33 6 39 98 00 01"), &json!("mobile"))), "{kept}");
    let address =
        json!([{"lines": ["12, rue de l'Église"], "postal_code": "75011", "city": "Paris", "country": "France"}]);
    assert_eq!(kept["addresses"], address);

    let [french, english] = pages(&carnet, &["contact", "show", &id(&kept)]);
    for words in ["12, rue de l'Église", "75011", "Paris", "France", "mère", "personne de confiance", "aidant", "Mme"]
    {
        assert!(french.contains(words), "{words}: {french}");
    }
    for words in ["Addresses › Postal code: 75011", "mother", "trusted person", "to be called in an emergency"] {
        assert!(english.contains(words), "{words}: {english}");
    }

    // One part of the address is corrected, or all of it is taken away; a number of one use leaves the other.
    let edit = |words: &[&str]| carnet.run(&[&["contact", "edit", &id(&kept)], words].concat());
    let moved = edit(&["--city", "Lyon", "--postal-code", "69001", "--mobile", "+33 6 39 98 00 02"]).data();
    assert_eq!(moved["addresses"][0]["city"], "Lyon");
    assert_eq!(
        (&moved["addresses"][0]["lines"], moved["telecoms"].as_array().map(Vec::len)),
        (&address[0]["lines"], Some(3))
    );
    for wrong in ["6900", "69001A"] {
        assert_eq!(edit(&["--postal-code", wrong]).refused(2), "rules", "{wrong}");
    }
    assert_eq!(edit(&["--street", &"x".repeat(101)]).refused(2), "rules");
    assert_eq!(edit(&["--country", "Belgique", "--postal-code", "1000"]).data()["addresses"][0]["postal_code"], "1000");
    let gone = edit(&["--street", "", "--postal-code", "", "--city", "", "--country", ""]).data();
    assert!(gone["addresses"].is_null(), "{gone}");

    // An establishment has an address too; words that are no term of the national form stay as they were typed.
    let clinic = ["contact", "add", "establishment", "--name", "Clinique", "--street", "1 place X", "--city", "Nantes"];
    assert_eq!(carnet.run(&clinic).data()["addresses"][0]["city"], "Nantes");
    assert_eq!(edit(&["--relation", "marraine"]).data()["relation"], "marraine");
}
