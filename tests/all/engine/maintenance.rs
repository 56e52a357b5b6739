//! Tasks of automatic maintenance, and those that a start of the machine disables.

use mainspring::{
    event::Skipped,
    task::{Maintenance, Span},
};
use mainspring_tests::world::{DAY, HOUR, MINUTE, Outside, SECOND, Slots, Task, World, at, daily};

const START: &str = "2024-05-01T12:00:00";

/// At most every so many days, and when idle after so many.
fn maintained(command: &str, period: u64, deadline: Option<u64>) -> Task<'_> {
    let day = |days: u64| Span::from_seconds(days * 86_400);
    let maintenance = Maintenance { period: day(period), deadline: deadline.map(day), exclusive: false };
    Task::new(command).on(|on| on.maintenance = Some(maintenance))
}

fn exclusive(task: Task<'_>) -> Task<'_> {
    task.on(|on| on.maintenance = on.maintenance.map(|settings| Maintenance { exclusive: true, ..settings }))
}

/// The days and times of the starts of a command.
fn starts(world: &World<'_>, command: &str) -> Vec<String> {
    let (all, times) = (world.outside.starts(), world.outside.times(command));
    let of = |line: &str| line.split(' ').next() == Some(command);
    let days = all.iter().filter(|(_, line)| of(line)).map(|(at, _)| at.unwrap().civil().unwrap().0.day);
    days.zip(times).map(|(day, time)| format!("{day:02} {time}")).collect()
}

#[test]
fn a_period_starts_those_whose_last_run_is_long_enough_ago() {
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    world.register("daily", &maintained("daily for=60", 1, None)).unwrap();
    world.register("weekly", &maintained("weekly for=60", 7, None)).unwrap();
    world.run_for(4 * DAY);
    assert_eq!(starts(&world, "daily"), ["02 02:00:00", "03 02:00:00", "04 02:00:00", "05 02:00:00"]);
    assert_eq!(starts(&world, "weekly"), ["02 02:00:00"]);
    // A restart forgets nothing.
    let mut world = World::boot(&mut second, world.die());
    world.run_for(8 * DAY);
    assert_eq!(starts(&world, "weekly"), ["02 02:00:00", "09 02:00:00"]);
    assert_eq!(world.skipped(), []);
}

/// What counts is that it ran, whatever it was due for and whoever started it.
#[test]
fn a_period_that_was_hindered_is_made_up_for_by_the_next_and_a_run_on_demand_counts() {
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let task = |command| maintained(command, 7, None).on(|on| on.disallow_start_if_on_batteries = true);
    world.register("hindered", &task("hindered for=60")).unwrap();
    world.register("asked", &task("asked for=60")).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    world.run_until(at("2024-05-02T12:00:00"));
    assert_eq!(world.skipped(), [Skipped::OnBatteries; 2]);
    world.machine(|machine| machine.on_batteries = false);
    world.run("asked", &[]).unwrap();
    world.run_until(at("2024-05-04T12:00:00"));
    assert_eq!(starts(&world, "hindered"), ["03 02:00:00"]);
    // Also after a restart.
    let mut world = World::boot(&mut second, world.die());
    world.run_until(at("2024-05-12T12:00:00"));
    assert_eq!(starts(&world, "hindered"), ["03 02:00:00", "10 02:00:00"]);
    assert_eq!(starts(&world, "asked"), ["02 12:00:00", "10 02:00:00"]);
}

#[test]
fn one_whose_deadline_has_passed_starts_when_the_machine_is_idle() {
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    // IdleSettings count for a task that runs only if the machine is idle.
    let ignored = |task: Task<'static>| task.on(|on| on.idle.duration = Some(Span::from_seconds(900)));
    world.register("due", &ignored(maintained("due for=60", 1, Some(2)))).unwrap();
    world.register("none", &maintained("none for=60", 1, None)).unwrap();
    world.run_until(at("2024-05-02T03:00:00"));
    // The machine is on by day only.
    let mut outside = world.die();
    outside.pass(2 * DAY + 5 * HOUR);
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    assert_eq!(starts(&world, "due"), ["02 02:00:00"]);
    world.machine(|machine| machine.idle = true);
    world.run_for(2 * HOUR);
    assert_eq!(starts(&world, "due"), ["02 02:00:00", "04 09:00:00"]);
    assert_eq!(starts(&world, "none"), ["02 02:00:00"]);
    // It starts as ever after that.
    world.run_for(2 * DAY);
    assert_eq!(starts(&world, "due"), ["02 02:00:00", "04 09:00:00", "06 02:00:00"]);
}

#[test]
fn who_is_exclusive_runs_alone_or_not_at_all() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &maintained("a for=600", 1, None)).unwrap();
    world.register("b", &maintained("b for=600", 1, None)).unwrap();
    world.register("alone", &exclusive(maintained("alone for=7200", 1, None))).unwrap();
    world.register("late", &maintained("late for=60", 7, None)).unwrap();
    world.run_until(at("2024-05-02T12:00:00"));
    assert_eq!(
        (starts(&world, "a"), starts(&world, "b")),
        (vec!["02 02:00:00".into()], vec!["02 02:00:00".to_owned()])
    );
    assert_eq!(starts(&world, "late"), ["02 02:00:00"]);
    assert_eq!(starts(&world, "alone"), ["02 02:10:00"]);

    // The others wait for it, until the period is over.
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("alone", &exclusive(maintained("alone for=7200", 1, None))).unwrap();
    world.register("late", &maintained("late for=60", 1, None)).unwrap();
    world.run_until(at("2024-05-02T12:00:00"));
    assert_eq!(starts(&world, "alone"), ["02 02:00:00"]);
    assert_eq!((starts(&world, "late"), world.skipped()), (vec![], vec![Skipped::MaintenanceOver]));
}

#[test]
fn a_period_that_was_slept_through_is_over() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-02T01:00:00"));
    world.register("a", &maintained("a for=60", 1, None)).unwrap();
    world.run_for(SECOND);
    world.outside.pass(6 * HOUR);
    world.run_for(MINUTE);
    assert_eq!((starts(&world, "a"), world.skipped()), (vec![], vec![Skipped::MaintenanceOver]));
}

#[test]
fn a_start_of_the_machine_disables_what_is_volatile() {
    let (mut first, mut second, mut third) = (Slots::new(8, 8), Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    world
        .register("volatile", &Task::new("v for=1").when(daily("2024-05-01T13:00:00")).on(|on| on.volatile = true))
        .unwrap();
    world.register("lasts", &Task::new("l for=1").when(daily("2024-05-01T13:00:00"))).unwrap();
    // Another start of the server alone does not.
    let mut world = World::boot(&mut second, world.die());
    world.run_for(2 * HOUR);
    assert_eq!(world.outside.starts().len(), 2);
    let mut outside = world.die();
    outside.power_cut();
    outside.log.clear();
    let mut world = World::boot(&mut third, outside);
    world.call(|engine, cx| engine.machine_started(cx)).unwrap();
    let (volatile, lasts) = (world.task("volatile"), world.task("lasts"));
    assert_eq!((world.engine.enabled(volatile), world.engine.enabled(lasts)), (false, true));
    world.run_for(DAY);
    assert_eq!((starts(&world, "v").len(), starts(&world, "l").len()), (0, 1));
    // Who enables it has it until the next start.
    world.call(|engine, cx| engine.set_enabled(cx, volatile, true)).unwrap();
    world.run_for(DAY);
    assert_eq!(starts(&world, "v").len(), 1);
}
