//! What the simulation found in the engine: each as small as it could be made.

use mainspring::event::Skipped;
use mainspring_tests::world::{DAY, HOUR, MINUTE, Outside, Slots, Task, World, boot, daily};

const START: &str = "2024-05-01T12:00:00";

/// A trigger of the other clock that is due at that very moment hides nothing of what the calendar missed.
#[test]
fn what_was_missed_is_told_though_a_trigger_is_due_as_the_clock_is_set() {
    for available in [false, true] {
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let task = Task::new("a for=0").when(daily("2024-05-02T00:00:00")).when(boot(600));
        world.register("a", &task.with(|with| with.start_when_available = available)).unwrap();
        let mut outside = world.die();
        outside.now.wall = None;
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, outside);
        world.run_for(10 * MINUTE - 1);
        world.outside.pass(1);
        world.set_clock("2024-05-02T06:00:00");
        world.run_for(HOUR);
        if available {
            assert_eq!((world.outside.times("a").len(), world.skipped()), (2, vec![]));
        } else {
            assert_eq!((world.outside.times("a").len(), world.skipped()), (1, vec![Skipped::Missed]));
        }
        world.run_for(DAY);
        assert_eq!(world.outside.times("a").len(), if available { 3 } else { 2 });
    }
}
