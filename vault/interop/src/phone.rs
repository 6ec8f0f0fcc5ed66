//! Exports of telephones and watches: streaming readers, bounded in memory whatever the size of the export.

pub(crate) mod apple_health;
