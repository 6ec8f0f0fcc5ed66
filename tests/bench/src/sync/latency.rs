//! How soon a change is seen on another device, and how fast a large file moves.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use carnet_record::{
    Draft, Instant as Moment, Provenance, SourceKey,
    item::{Item, Tally},
    kind::{Allergy, Document},
};
use carnet_sync::{Event, serve_peers, sync_with_peer, watch};
use carnet_vault::{
    Record, RecordId,
    import::{ImportError, ImportSource},
};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

use super::Device;
use crate::{
    relay::RelayProcess,
    report::{Failure, Measured, Rounds},
    settings::Settings,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// From the call that saves an entry on one device to the moment another has it: over connections that are open, and
/// when both have to connect first.
pub(crate) fn visible(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let (open, cold) = (settings.scaled(200), settings.scaled(100));
    let (mut at_once, mut connecting) = (Vec::new(), Vec::new());
    Runtime::new()?.block_on(async {
        let relay = RelayProcess::start(&folder.path().join("relay"))?;
        let (one, two) = (Device::new(folder.path()).await?, Device::new(folder.path()).await?);
        let id = one.begin(Some(&relay.address))?;
        one.admit(&two, &id)?;
        one.sync(&id).await?;
        two.sync(&id).await?;
        for number in 0..cold {
            let since = Instant::now();
            add(&one, &id, number)?;
            one.sync(&id).await?;
            two.sync(&id).await?;
            connecting.push(since.elapsed().as_secs_f64() * 1e3);
        }
        at_once = watched(&one, &two, &id, open).await?;
        relay.stop()
    })?;
    let line = |name, mut took: Vec<f64>| {
        took.sort_by(f64::total_cmp);
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        let slowest = took.get(took.len() * 99 / 100).copied();
        Measured {
            name,
            size: format!("p99 of {} entries, two devices and a relay on one machine", took.len()),
            ours: slowest.into_iter().collect(),
            peer: None,
            note: Some(format!("median {median:.1}")),
        }
    };
    Ok(vec![line("sync.visible_open", at_once), line("sync.visible_cold", connecting)])
}

/// Both devices watch the record; one writes, at moments that nobody expects.
async fn watched(one: &Device, two: &Device, id: &RecordId, count: usize) -> Result<Vec<f64>, Failure> {
    let (heard, mut hears) = mpsc::channel(64);
    let (stop, stopped) = oneshot::channel::<()>();
    let (stop_too, stopped_too) = oneshot::channel::<()>();
    let mut hush = |_: Event| {};
    let mut tell = |event: Event| {
        if matches!(event, Event::Received { envelopes: 1.., .. }) {
            let _ = heard.try_send(());
        }
    };
    let writing = watch(&one.node, &one.vault, *id, &mut hush, async {
        drop(stopped.await);
    });
    let reading = watch(&two.node, &two.vault, *id, &mut tell, async {
        drop(stopped_too.await);
    });
    let story = async {
        let mut rng = StdRng::seed_from_u64(8);
        let mut took = Vec::with_capacity(count);
        sleep(Duration::from_secs(2)).await;
        while hears.try_recv().is_ok() {}
        for number in 0..count {
            sleep(Duration::from_millis(rng.random_range(20..120))).await;
            let since = Instant::now();
            add(one, id, 1_000 + number)?;
            timeout(PATIENCE, hears.recv()).await.map_err(|_| "the other device heard of nothing")?;
            took.push(since.elapsed().as_secs_f64() * 1e3);
        }
        drop((stop, stop_too));
        Ok::<_, Failure>(took)
    };
    let (writing, reading, took) = tokio::join!(writing, reading, story);
    writing?;
    reading?;
    took
}

fn add(device: &Device, id: &RecordId, number: usize) -> Result<(), Failure> {
    let fact = Allergy { name: Some(format!("allergène {number}")), ..Allergy::default() };
    let draft = Draft::new(fact, Provenance::typed(Moment::at_most(1_790_000_000_000)));
    device.with(id, |record| Ok(record.add(&draft).map(drop)?))
}

/// A file of 100 MB from one device to another without a relay, and what is sent again after it was cut.
pub(crate) fn large_file(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let bytes = settings.scaled(100_000_000);
    let (mut rates, mut repeated) = (Rounds::new(), Rounds::new());
    Runtime::new()?.block_on(async {
        let one = Device::new(folder.path()).await?;
        let id = one.begin(None)?;
        for round in 0..settings.rounds(3) {
            let mut content = vec![0; bytes];
            StdRng::seed_from_u64(round as u64).fill_bytes(&mut content);
            let two = Device::new(folder.path()).await?;
            one.admit(&two, &id)?;
            meet(&two, &one, &id, |_| false).await?;
            one.with(&id, |record| attach(record, &content, round))?;
            let since = Instant::now();
            meet(&two, &one, &id, |_| false).await?;
            rates.push(bytes as f64 / 1e6 / since.elapsed().as_secs_f64());
            StdRng::seed_from_u64(round as u64 + 100).fill_bytes(&mut content);
            one.with(&id, |record| attach(record, &content, round + 100))?;
            repeated.push(cut(&two, &one, &id).await? as f64 / 1e6);
        }
        Ok::<_, Failure>(())
    })?;
    let size = format!("a file of {} MB, from vault to vault", bytes / 1_000_000);
    Ok(vec![
        Measured { name: "sync.file", size: size.clone(), ours: rates, peer: None, note: None },
        Measured { name: "sync.file_cut", size, ours: repeated, peer: None, note: None },
    ])
}

/// Cuts a transfer in the middle, goes on, and says how many bytes came twice.
async fn cut(two: &Device, one: &Device, id: &RecordId) -> Result<u64, Failure> {
    let had = Arc::new(Mutex::new((0, 0)));
    let (seen, last) = (Arc::clone(&had), Arc::clone(&had));
    meet(two, one, id, move |event| match event {
        Event::ObjectReceiving { bytes, total } => {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = (bytes, total);
            bytes * 2 > total
        }
        _ => false,
    })
    .await?;
    let (before, total) = *last.lock().unwrap_or_else(PoisonError::into_inner);
    let parts = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&parts);
    meet(two, one, id, move |event| {
        if let Event::ObjectReceiving { bytes, .. } = event {
            all.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
        false
    })
    .await?;
    let parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
    if before == 0 || parts.last() != Some(&total) {
        return Err("the transfer was not cut, or did not end".into());
    }
    // The first part that came ends at `first`: it began at most one part before.
    let first = parts.first().copied().unwrap_or_default();
    let part = parts.get(1).map_or(first, |second| second - first);
    Ok(before.saturating_sub(first.saturating_sub(part)))
}

/// Lets `two` exchange with `one`, until `stops` says that the connection is to be dropped.
async fn meet(
    two: &Device,
    one: &Device,
    id: &RecordId,
    stops: impl Fn(Event) -> bool + Send + Sync,
) -> Result<(), Failure> {
    let address = one.node.address();
    let reached = tokio::sync::Notify::new();
    let (done, ended) = oneshot::channel::<()>();
    let mut tell = |event: Event| {
        if stops(event) {
            reached.notify_one();
        }
    };
    let asking = async {
        let outcome = tokio::select! {
            biased;
            () = reached.notified() => Ok(()),
            synced = sync_with_peer(&two.node, &two.vault, *id, &address, &mut tell) => synced.map(drop),
        };
        drop(done);
        outcome
    };
    let mut hear = |_: Event| {};
    let serving = serve_peers(&one.node, &one.vault, *id, &mut hear, async {
        drop(ended.await);
    });
    let ((), asked) = tokio::join!(serving, asking);
    Ok(asked?)
}

fn attach(record: &mut Record<'_>, content: &[u8], number: usize) -> Result<(), Failure> {
    let fact = Document { title: Some(format!("irm {number}.zip")), ..Document::default() };
    let mut draft = Draft::new(fact, Provenance::default());
    draft.source_key = Some(SourceKey::new("figures", [number.to_string().as_str()]));
    let sha256 = Sha256::digest(content).into();
    let start = std::iter::once(Item::DocumentStart { draft: Box::new(draft) });
    let parts = content.chunks(60_000).map(|part| Item::DocumentBytes(part.to_vec()));
    let end = [Item::DocumentEnd { sha256, size: u64::try_from(content.len())? }, Item::Tally(Box::<Tally>::default())];
    let mut items = start.chain(parts).chain(end);
    let mut import = record.begin_import(&ImportSource { sha256, importer: "figures".to_owned() })?;
    import.read::<ImportError>(|| Ok(items.next()))?;
    import.finish::<ImportError>(|_| Ok(None))?;
    Ok(())
}
