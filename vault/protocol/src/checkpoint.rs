//! What a relay signs: checkpoints over all sections of a record, and receipts of operations.
