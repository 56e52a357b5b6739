//! Time passing allocates nothing: ticks, firings, the life of an instance, clocks that are set.

use mainspring::{
    engine::{Entry, Order},
    status::Status,
    task::Path,
    time::Timestamp,
};
use mainspring_tests::server::Server;

use super::{allocations, calls::pause};

#[test]
fn firing_and_arming_again_allocate_nothing() {
    let mut server = Server::furnished();
    server.records.changing = pause;
    let path = Path::parse(r"\Folder\Task").unwrap();
    let mut into = [0; 1024];
    for _ in 0..3 {
        let Some(Entry::Task(task)) = server.engine.find(&path) else { panic!("it is there") };
        let Some(Timestamp(due)) = server.engine.next_run(task) else { panic!("it is armed") };
        let Timestamp(wall) = server.now.wall.unwrap();
        server.now.wall = Some(Timestamp(due));
        server.now.monotonic = server.now.monotonic.plus((due - wall).cast_unsigned());

        let (seen, started) = allocations(|| {
            server.with(|engine, cx| {
                engine.tick(cx);
                let Some(Order::Start { instance }) = engine.order() else { return None };
                engine.action(cx, instance, &mut into).ok()?;
                engine.started(cx, instance, 7);
                engine.tick(cx);
                engine.exited(cx, instance, Status(3));
                while engine.event().is_some() {}
                let _ = engine.deadline();
                Some(instance)
            })
        });
        assert!(started.is_some(), "it fired");
        assert_eq!(seen, 0);
    }

    let (seen, ()) = allocations(|| {
        server.with(|engine, cx| {
            engine.clock_set(cx);
            engine.zone_changed(cx);
            engine.stop_all(cx);
        })
    });
    assert_eq!(seen, 0);
}
