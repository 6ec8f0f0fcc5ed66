//! The oracles are not blind: each is shown what it must not let pass.

use std::rc::Rc;

use crate::{
    disk::Death,
    honest::begun,
    world::{World, try_to_run},
};

/// What a world that must fail says.
fn failure(seed: u64, story: impl AsyncFnOnce(Rc<World>) + 'static) -> String {
    let Err((panic, _)) = try_to_run(seed, story) else { panic!("the oracle lets it pass") };
    panic.downcast_ref::<String>().cloned().expect("it says why")
}

#[test]
fn control_an_entry_that_was_saved_and_is_gone_is_reported() {
    let said = failure(1, async |world| {
        let all = begun(&world, 2).await;
        world.kill(1, Death::Killed);
        let backup = world.with_device(1, |it| it.backup());
        world.heal();
        world.add(1);
        world.kill(1, Death::Killed);
        world.with_device(1, |it| it.put_back(&backup));
        world.heal();
        world.converge(&all).await;
    });
    assert!(said.contains("lost"), "{said}");
}

#[test]
fn control_an_entry_that_nobody_wrote_is_reported() {
    let said = failure(2, async |world| {
        let all = begun(&world, 2).await;
        world.add_in_vain(0);
        world.converge(&all).await;
    });
    assert!(said.contains("forged"), "{said}");
}

#[test]
fn control_devices_that_differ_are_reported() {
    let said = failure(3, async |world| {
        let all = begun(&world, 2).await;
        let name = world.add_in_vain(0);
        // It may be there, or not: but not here and not there.
        world.model.borrow_mut().tried(&name);
        world.compare(&all);
    });
    assert!(said.contains("diverged"), "{said}");
}

#[test]
fn control_a_relay_that_never_answers_is_reported() {
    let said = failure(4, async |world| {
        let all = begun(&world, 2).await;
        world.relay.borrow_mut().die();
        world.converge(&all).await;
    });
    assert!(said.contains("after healing"), "{said}");
}
