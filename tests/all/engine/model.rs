//! Random lives, against a model that shares nothing with the engine: a map of paths, and time walked second by second.

use mainspring::{
    engine::{Creation, Entry, Refused},
    ports::StoreError,
    task::{InstancesPolicy, Path},
    time::Timestamp,
};
use mainspring_tests::{
    disk::Chance,
    world::{Outside, SECOND, Slots, Task, World, every, once},
};
use std::collections::BTreeMap;

/// What the model knows of a task; times are in seconds of the wall clock.
#[derive(Debug, Clone)]
struct Known {
    command: String,
    enabled: bool,
    first: i64,
    interval: i64,
    floor: i64,
}

impl Known {
    fn fires_at(&self, second: i64) -> bool {
        self.enabled && second > self.floor && second >= self.first && (second - self.first) % self.interval == 0
    }
}

#[derive(Debug, Clone)]
enum Node {
    Folder,
    Task(Known),
}

/// A world and what the model expects of it.
struct Pair<'a> {
    world: World<'a>,
    nodes: BTreeMap<String, Node>,
    /// Starts that the model expects, by time.
    expected: Vec<(Timestamp, String)>,
}

fn text(second: i64) -> String {
    let (civil, _) = Timestamp::from_seconds(second).civil().unwrap();
    let (date, time) = ((civil.year, civil.month, civil.day), (civil.hour, civil.minute, civil.second));
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.0, date.1, date.2, time.0, time.1, time.2)
}

fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('\\').map(|(at, _)| &path[..at]).filter(|folder| !folder.is_empty())
}

impl Pair<'_> {
    fn now(&self) -> i64 {
        self.world.outside.now.wall.unwrap().seconds()
    }

    /// Whether the folders of a path are there or can be made; they are made.
    fn make_folders(&mut self, path: &str) -> Result<(), Refused> {
        if folders(path).any(|folder| matches!(self.nodes.get(folder), Some(Node::Task(_)))) {
            return Err(Refused::FolderNotFound);
        }
        for folder in folders(path) {
            self.nodes.entry(folder.to_owned()).or_insert(Node::Folder);
        }
        Ok(())
    }

    fn register(&mut self, path: &str, mut known: Known, creation: Creation) -> Result<(), Refused> {
        match (self.nodes.get(path), creation) {
            (Some(Node::Folder), _) | (Some(Node::Task(_)), Creation::Create) => return Err(Refused::Exists),
            (None, Creation::Update) => return Err(Refused::NotFound),
            _ => {}
        }
        self.make_folders(path)?;
        if let Some(Node::Task(old)) = self.nodes.get(path) {
            known.floor = old.floor.min(self.now());
        }
        self.nodes.insert(path.to_owned(), Node::Task(known));
        Ok(())
    }

    fn delete(&mut self, path: &str) -> Result<(), Refused> {
        match self.nodes.get(path) {
            None => return Err(Refused::NotFound),
            Some(Node::Folder) if self.nodes.keys().any(|other| other.starts_with(&format!("{path}\\"))) => {
                return Err(Refused::NotEmpty);
            }
            _ => self.nodes.remove(path),
        };
        Ok(())
    }

    /// Time passes; the model walks it second by second.
    fn pass(&mut self, seconds: i64) {
        let from = self.now();
        for second in from + 1..=from + seconds {
            for node in self.nodes.values_mut() {
                if let Node::Task(known) = node
                    && known.fires_at(second)
                {
                    known.floor = second;
                    self.expected.push((Timestamp::from_seconds(second), known.command.clone()));
                }
            }
        }
        self.world.run_for(seconds * SECOND);
    }

    /// The clock is set; what is less than a minute late runs now.
    fn set_clock(&mut self, to: i64) {
        let from = self.now();
        self.world.set_clock(&format!("{}.5", text(to)));
        for node in self.nodes.values_mut() {
            if let Node::Task(known) = node
                && let Some(due) = (from + 1..=to).find(|&second| known.fires_at(second))
                && to - due < 60
            {
                // It and what came behind it.
                for second in (due..=to).filter(|&second| known.fires_at(second)).collect::<Vec<_>>() {
                    known.floor = second;
                    self.expected.push((Timestamp(to * SECOND + 500), known.command.clone()));
                }
            }
        }
        self.world.run_for(0);
    }

    fn check(&mut self, what: &str) {
        let mut found: Vec<_> =
            self.world.outside.starts().into_iter().map(|(at, line)| (at.unwrap(), line.to_owned())).collect();
        found.sort_unstable();
        self.expected.sort_unstable();
        assert_eq!(found, self.expected, "{what}");
        self.world.outside.log.clear();
        self.expected.clear();
        for (path, node) in &self.nodes {
            let entry = self.world.find(&path.to_uppercase());
            match node {
                Node::Folder => assert!(matches!(entry, Some(Entry::Folder(_))), "{what}: {path} {entry:?}"),
                Node::Task(known) => {
                    let Some(Entry::Task(task)) = entry else { panic!("{what}: {path} is {entry:?}") };
                    assert_eq!(self.world.engine.enabled(task), known.enabled, "{what}: {path}");
                }
            }
        }
        let mut listed = 0;
        let folders = self.nodes.iter().filter(|(_, node)| matches!(node, Node::Folder)).map(|(path, _)| path.clone());
        for folder in folders.chain(["\\".to_owned()]).collect::<Vec<_>>() {
            listed += self.world.list(&folder).len();
        }
        assert_eq!(listed, self.nodes.len(), "{what}");
    }
}

const NAMES: [&str; 9] = ["\\a", "\\b", "\\f", "\\f\\a", "\\f\\g", "\\f\\g\\a", "\\f\\g\\b", "\\h\\a", "\\h\\i\\j\\k"];

fn live(seed: u64, steps: u64) {
    let mut chance = Chance::new(seed);
    let mut outside = Outside::new("2024-05-01T12:00:00.5");
    let mut nodes = BTreeMap::new();
    let mut made = 0;
    let mut done = 0;
    while done < steps {
        // One life of a server.
        let mut slots = Slots::new(24, 24);
        let mut pair = Pair { world: World::boot(&mut slots, outside), nodes, expected: Vec::new() };
        assert_eq!(pair.world.loaded.damaged, 0, "seed {seed} step {done}");
        let until = done + 1 + chance.below(30);
        while done < until {
            done += 1;
            let path = NAMES[usize::try_from(chance.below(NAMES.len() as u64)).unwrap()];
            let what = format!("seed {seed} step {done} {path}");
            match chance.below(12) {
                0..=2 => {
                    made += 1;
                    let known = Known {
                        command: format!("c{made} for=0"),
                        enabled: chance.below(5) > 0,
                        first: pair.now() - 300 + i64::try_from(chance.below(600)).unwrap(),
                        interval: [60, 120, 300][usize::try_from(chance.below(3)).unwrap()],
                        floor: i64::MIN,
                    };
                    let creation = [Creation::Create, Creation::Update, Creation::CreateOrUpdate]
                        [usize::try_from(chance.below(3)).unwrap()];
                    let start = text(known.first);
                    let trigger = every(once(&start), known.interval.unsigned_abs(), None);
                    let task = Task::new(&known.command).when(trigger).with(|with| {
                        with.enabled = known.enabled;
                        with.instances_policy = InstancesPolicy::Parallel;
                    });
                    let full = chance.below(6) == 0;
                    if full {
                        // Nothing comes as far as the entry of the task.
                        pair.world.outside.store.fail_writes = Some((StoreError::Full, 0));
                        let refused = pair.world.register_as(path, &task, creation).map(drop);
                        assert!(refused.is_err(), "{what}");
                        pair.world.outside.store.fail_writes = None;
                    } else {
                        let expected = pair.register(path, known.clone(), creation);
                        assert_eq!(pair.world.register_as(path, &task, creation).map(drop), expected, "{what}");
                    }
                }
                3 => {
                    let expected = pair.delete(path);
                    let found = pair.world.call(|engine, cx| engine.delete(cx, &Path::parse(path).unwrap()));
                    assert_eq!(found, expected, "{what}");
                }
                4 => {
                    let expected = if pair.nodes.contains_key(path) {
                        Err(Refused::Exists)
                    } else {
                        pair.make_folders(&format!("{path}\\"))
                    };
                    let found = pair.world.call(|engine, cx| {
                        engine.create_folder(cx, &Path::parse(path).unwrap(), mainspring::sid::Sid::LOCAL_SYSTEM, None)
                    });
                    assert_eq!(found, expected, "{what}");
                }
                5 => {
                    if let Some(Node::Task(known)) = pair.nodes.get_mut(path) {
                        known.enabled = !known.enabled;
                        let enabled = known.enabled;
                        // What it was not enabled for is not made up for.
                        let task = pair.world.task(path);
                        pair.world.call(|engine, cx| engine.set_enabled(cx, task, enabled)).unwrap();
                    }
                }
                6 => {
                    if let Some(Node::Task(known)) = pair.nodes.get(path) {
                        let (enabled, command) = (known.enabled, known.command.clone());
                        let now = pair.world.outside.now.wall.unwrap();
                        if enabled {
                            pair.expected.push((now, command));
                        }
                        assert_eq!(pair.world.run(path, &[]).is_ok(), enabled, "{what}");
                    }
                }
                7 => {
                    let ahead = 1 + i64::try_from(chance.below(400)).unwrap();
                    let to = pair.now() + ahead;
                    pair.set_clock(to);
                }
                8 => {
                    let to = pair.now() - 1 - i64::try_from(chance.below(400)).unwrap();
                    pair.set_clock(to);
                }
                _ => pair.pass(1 + i64::try_from(chance.below(400)).unwrap()),
            }
            pair.check(&what);
        }
        nodes = pair.nodes;
        outside = pair.world.die();
        if chance.below(2) == 0 {
            outside.power_cut();
        }
        outside.pass(SECOND * i64::try_from(chance.below(200)).unwrap());
    }
}

#[test]
fn sweep_random_lives_follow_the_model() {
    let full = std::env::var("MAINSPRING_SWEEP").is_ok_and(|size| size == "full");
    for seed in 0..if full { 1000 } else { 60 } {
        live(seed, 200);
    }
}
