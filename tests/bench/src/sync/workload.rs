//! Three ways in which people write: a measure a day, treatments that change, long notes. Seeded; the same facts go
//! into our record and into a plain Automerge document.

use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc as _, transaction::Transactable as _};
use carnet_record::{
    Draft, Entry, Fact, Instant, Provenance, Quantity, When,
    kind::{Appointment, Measure, Treatment},
};
use carnet_vault::Record;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Map, Value};

use crate::report::Failure;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// One weight a day for ten years, by three devices.
    Measures,
    /// Treatments that are added, changed and ended, by four.
    Treatments,
    /// Notes of 25 words, by six.
    Messages,
}

impl Workload {
    /// Its name in a line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Measures => "measures of ten years",
            Self::Treatments => "treatments",
            Self::Messages => "notes",
        }
    }

    /// Devices that write.
    pub(crate) fn authors(self) -> usize {
        match self {
            Self::Measures => 3,
            Self::Treatments => 4,
            Self::Messages => 6,
        }
    }

    /// Changes of a full run.
    pub(crate) fn changes(self) -> usize {
        match self {
            Self::Measures => 3_651,
            Self::Treatments => 2_001,
            Self::Messages => 3_001,
        }
    }
}

/// What is written next, and the plain document beside it.
pub(crate) struct Story {
    workload: Workload,
    rng: StdRng,
    number: usize,
    /// What each author wrote and may change again.
    entries: Vec<Vec<Entry>>,
    plain: Vec<AutoCommit>,
}

impl Story {
    /// The beginning of a workload.
    pub(crate) fn new(workload: Workload) -> Result<Self, Failure> {
        let mut first = AutoCommit::new().with_actor(ActorId::from([0_u8; 16]));
        first.put_object(ROOT, CONTAINER, ObjType::Map)?;
        first.commit();
        let mut plain = vec![first];
        for author in 1..=workload.authors() {
            let actor = ActorId::from([u8::try_from(author)?; 16]);
            let fork = plain[0].fork().with_actor(actor);
            plain.push(fork);
        }
        let entries = vec![Vec::new(); workload.authors()];
        Ok(Self { workload, rng: StdRng::seed_from_u64(21), number: 0, entries, plain })
    }

    /// Writes the next change into `record`, and the same into the plain document of `author`.
    pub(crate) fn write(&mut self, record: &mut Record<'_>, author: usize) -> Result<(), Failure> {
        self.number += 1;
        let own = self.entries[author].len();
        if self.workload == Workload::Treatments && own > 5 && self.number % 2 == 0 {
            let at = self.rng.random_range(0..own);
            return self.edit(record, author, at);
        }
        let draft = self.draft()?;
        let entry = record.add(&draft)?.entry;
        self.plainly(author, &entry, None)?;
        self.entries[author].push(entry);
        Ok(())
    }

    /// Changes one field of an entry that this author wrote: of the last one.
    pub(crate) fn edit_last(&mut self, record: &mut Record<'_>, author: usize) -> Result<(), Failure> {
        let last = self.entries[author].len().checked_sub(1).ok_or("this author wrote nothing")?;
        self.edit(record, author, last)
    }

    fn edit(&mut self, record: &mut Record<'_>, author: usize, at: usize) -> Result<(), Failure> {
        let mut entry = self.entries[author][at].clone();
        let before = entry.to_fields();
        match &mut entry.fact {
            Fact::Treatment(treatment) => {
                treatment.dosage = Some(format!("{} comprimés par jour", self.rng.random_range(1..9)));
            }
            _ => entry.comment = Some(format!("à jeun, {} h", self.rng.random_range(6..10))),
        }
        record.amend(&entry)?;
        self.plainly(author, &entry, Some(&before))?;
        self.entries[author][at] = entry;
        Ok(())
    }

    fn draft(&mut self) -> Result<Draft, Failure> {
        let at = Instant::at_most(START_MS + i64::try_from(self.number)? * 86_400_000);
        let fact: Fact = match self.workload {
            Workload::Measures => {
                let value = format!("{}.{}", self.rng.random_range(58..66), self.rng.random_range(0..10));
                let value = Some(Quantity::new(value.parse()?, "kg"));
                Measure { measure: "weight".to_owned(), at: Some(When::Instant(at)), value, ..Measure::default() }
                    .into()
            }
            Workload::Treatments => {
                let name = Some(format!("Médicament {}", self.number));
                let dosage = Some("1 comprimé par jour".to_owned());
                Treatment { name, dosage, start: Some(When::Instant(at)), ..Treatment::default() }.into()
            }
            Workload::Messages => {
                let title = Some(format!("Rendez-vous {}", self.number));
                Appointment { title, start: Some(When::Instant(at)), ..Appointment::default() }.into()
            }
        };
        let mut draft = Draft::new(fact, Provenance::typed(at));
        if self.workload == Workload::Messages {
            let words: Vec<&str> = (0..25).map(|_| WORDS[self.rng.random_range(0..WORDS.len())]).collect();
            draft.comment = Some(words.join(" "));
        }
        Ok(draft)
    }

    fn plainly(&mut self, author: usize, entry: &Entry, before: Option<&Map<String, Value>>) -> Result<(), Failure> {
        let fields = entry.to_fields();
        // Everybody has seen everything: each author goes on from the whole.
        let (whole, own) = self.plain.split_at_mut(author + 1);
        let (whole, own) = (&mut whole[0], &mut own[0]);
        own.merge(whole)?;
        let container = own.get(ROOT, CONTAINER)?.ok_or("the plain document has its container")?.1;
        let key = entry.id.to_string();
        let map = match own.get(&container, key.as_str())? {
            Some((_, map)) => map,
            None => own.put_object(&container, key.as_str(), ObjType::Map)?,
        };
        for (name, value) in &fields {
            if before.and_then(|before| before.get(name)) != Some(value) {
                put(own, &map, name.as_str(), value)?;
            }
        }
        own.commit();
        whole.merge(own)?;
        Ok(())
    }

    /// The plain document with everything.
    pub(crate) fn plain(&mut self) -> &mut AutoCommit {
        &mut self.plain[0]
    }
}

/// A field of an entry in a plain document, as ours are laid out: texts are atomic, objects are maps.
fn put(doc: &mut AutoCommit, map: &ObjId, name: &str, value: &Value) -> Result<(), Failure> {
    match value {
        Value::Null => {}
        Value::Bool(value) => doc.put(map, name, *value)?,
        Value::Number(value) => doc.put(map, name, value.as_i64().unwrap_or_default())?,
        Value::String(value) => doc.put(map, name, value.as_str())?,
        Value::Array(values) => {
            let list = doc.put_object(map, name, ObjType::List)?;
            for (at, value) in values.iter().enumerate() {
                doc.insert(&list, at, value.to_string())?;
            }
        }
        Value::Object(fields) => {
            let inner = doc.put_object(map, name, ObjType::Map)?;
            for (name, value) in fields {
                put(doc, &inner, name, value)?;
            }
        }
    }
    Ok(())
}

const CONTAINER: &str = "entries";
const START_MS: i64 = 1_451_606_400_000;
const WORDS: [&str; 24] = [
    "bonjour",
    "tension",
    "matin",
    "soir",
    "depuis",
    "deux",
    "jours",
    "douleur",
    "genou",
    "marche",
    "merci",
    "docteur",
    "rendez-vous",
    "prise",
    "de",
    "sang",
    "toujours",
    "un",
    "peu",
    "fatigue",
    "mieux",
    "hier",
    "comme",
    "convenu",
];
