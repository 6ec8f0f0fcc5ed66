//! Workload iv: attached files of 1 MB, each durable before the next is taken in.

use std::{io::Read as _, path::Path};

use carnet_seal::secret::{FileKey, VaultKey};
use carnet_vault::{
    blob::{Blobs, Sealed},
    store::{Durability, Lock, Options, Store, Unlock},
};
use rand::{
    Rng as _, SeedableRng as _,
    rand_core::UnwrapErr,
    rngs::{StdRng, SysRng},
};
use rusqlite::Connection;

use super::{
    engine::{Engine, Open},
    turn,
};
use crate::{
    report::{Failure, Measured, Rounds, timed},
    settings::Settings,
};

/// Bytes of a file.
const FILE_BYTES: usize = 1_000_000;
const CONTEXT: &[u8] = b"figures";

/// Puts and gets, ours and SQLCipher's.
pub(crate) fn attached(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let count = settings.scaled(200);
    let mut content = vec![0; FILE_BYTES];
    StdRng::seed_from_u64(3).fill_bytes(&mut content);
    let mut puts = [const { Rounds::new() }; 2];
    let mut gets = [const { Rounds::new() }; 2];
    for round in 0..settings.rounds(5) {
        for at in turn(2, round) {
            let folder = tempfile::tempdir_in(&settings.folder)?;
            let (put, get) =
                if at == 0 { ours(folder.path(), &content, count)? } else { cipher(folder.path(), &content, count)? };
            puts[at].push(put);
            gets[at].push(get);
        }
    }
    let line = |name, [ours, peer]: [Rounds; 2]| Measured {
        name,
        size: format!(
            "{count} files of {FILE_BYTES} bytes, each durable before the next; read from the kernel's memory"
        ),
        ours,
        peer: Some((Engine::SqlCipher.peer(), peer)),
        note: None,
    };
    Ok(vec![line("store.file_put", puts), line("store.file_get", gets)])
}

fn ours(folder: &Path, content: &[u8], count: usize) -> Result<(f64, f64), Failure> {
    let key = VaultKey::generate(&mut UnwrapErr(SysRng));
    let mut rng = UnwrapErr(SysRng);
    let store = Store::create(folder, Lock::Key(&key), Options::default(), SysRng)?;
    let blobs = Blobs::beside(folder)?;
    let mut kept: Vec<(FileKey, Sealed)> = Vec::new();
    let ((), put) = timed(|| {
        for _ in 0..count {
            let key = FileKey::generate(&mut rng);
            let sealed = blobs.seal(&mut &*content, &key, CONTEXT, &mut rng)?;
            let mut writer = store.write(Durability::Step)?;
            blobs.keep(&mut writer, &sealed)?;
            writer.commit()?;
            kept.push((key, sealed));
        }
        Ok(())
    })?;
    store.close()?;
    let store = Store::open(folder, Unlock::Key(&key), Options::default(), SysRng)?;
    let mut buffer = vec![0; content.len()];
    let ((), get) = timed(|| {
        for (key, sealed) in &kept {
            let reader = store.read()?;
            let mut document = blobs.open(&reader, &sealed.id, key, CONTEXT, sealed.content_bytes)?;
            document.read_exact(&mut buffer)?;
            check(&buffer, content)?;
        }
        Ok(())
    })?;
    store.close()?;
    Ok((put.wall.as_secs_f64(), get.wall.as_secs_f64()))
}

fn cipher(folder: &Path, content: &[u8], count: usize) -> Result<(f64, f64), Failure> {
    let store = connection(Engine::SqlCipher.create(folder)?)?;
    let ((), put) = timed(|| {
        let mut insert = store.prepare_cached("INSERT INTO files VALUES (?1, ?2)")?;
        for number in 0..i64::try_from(count)? {
            insert.execute((number, content))?;
        }
        Ok(())
    })?;
    Open::Sql(store).close()?;
    let store = connection(Engine::SqlCipher.open(folder)?)?;
    let mut buffer = vec![0; content.len()];
    let ((), get) = timed(|| {
        let mut select = store.prepare_cached("SELECT content FROM files WHERE number = ?1")?;
        for number in 0..i64::try_from(count)? {
            select
                .query_row([number], |row| Ok(row.get_ref(0)?.as_blob().map(|blob| buffer.copy_from_slice(blob))))??;
            check(&buffer, content)?;
        }
        Ok(())
    })?;
    Open::Sql(store).close()?;
    Ok((put.wall.as_secs_f64(), get.wall.as_secs_f64()))
}

fn connection(open: Open) -> Result<Connection, Failure> {
    match open {
        Open::Sql(connection) => Ok(connection),
        Open::Ours(_) | Open::Redb { .. } => Err("this store is not SQLCipher".into()),
    }
}

/// The last bytes are enough to show that the whole was read.
fn check(read: &[u8], content: &[u8]) -> Result<(), Failure> {
    if read.last_chunk::<64>() == content.last_chunk::<64>() { Ok(()) } else { Err("a file came back changed".into()) }
}
