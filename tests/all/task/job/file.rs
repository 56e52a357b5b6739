//! The format itself, with files that are made here.

use super::{utf16, written, written_small};
use mainspring::{
    guid::Guid,
    status::Status,
    task::job::{
        FixdlenData, Flags, Job, JobError, JobField, JobSignature, JobTrigger, JobTriggerKind, JobTriggers,
        JobWriteError, Priority, SIGNATURE, TRIGGER_SIZE, TaskReserved1, TriggerFlags,
    },
    text::Utf16,
    time::filetime::SystemTime,
};
use mainspring_tests::{damage, disk::Chance};

/// What a file is made of, owned.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) header: FixdlenData,
    pub(super) running_instance_count: u16,
    pub(super) texts: [Option<Vec<u8>>; 5],
    pub(super) user_data: Vec<u8>,
    pub(super) reserved_data: Vec<u8>,
    pub(super) triggers: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl Parts {
    pub(super) fn job(&self) -> Job<'_> {
        let [application_name, parameters, working_directory, author, comment] =
            self.texts.each_ref().map(|text| text.as_deref().map(Utf16::little));
        Job {
            fixdlen_data: self.header,
            running_instance_count: self.running_instance_count,
            application_name,
            parameters,
            working_directory,
            author,
            comment,
            user_data: &self.user_data,
            reserved_data: &self.reserved_data,
            triggers: JobTriggers::new(&self.triggers),
            signature: &self.signature,
        }
    }
}

/// Every field has a value of its own, and the words that nobody is to read hold garbage.
pub(super) fn everything() -> Parts {
    let mut triggers = Vec::new();
    let kinds = [
        JobTriggerKind::Once,
        JobTriggerKind::Daily { days_interval: 2 },
        JobTriggerKind::Weekly { weeks_interval: 3, days_of_the_week: 0x41 },
        JobTriggerKind::MonthlyDate { days: 0x4000_0001, months: 0xFFF },
        JobTriggerKind::MonthlyDow { which_week: 5, days_of_the_week: 0x7F, months: 1 },
        JobTriggerKind::EventOnIdle,
        JobTriggerKind::EventAtSystemStart,
        JobTriggerKind::EventAtLogon,
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let (trigger_type, trigger_specific) = kind.fields();
        let trigger = JobTrigger {
            trigger_size: 0xBEEF,
            reserved1: number as u16,
            begin_year: 2001,
            begin_month: 2,
            begin_day: 3,
            end_year: 2004,
            end_month: 5,
            end_day: 6,
            start_hour: 7,
            start_minute: 8,
            minutes_duration: 0x0102_0304,
            minutes_interval: 0x0506_0708,
            flags: TriggerFlags(0xF000_0007),
            trigger_type,
            trigger_specific,
            padding: 0xDEAD,
            reserved2: 0xABCD,
            reserved3: 0x1234,
        };
        assert_eq!(trigger.kind(), Some(kind));
        push(&mut triggers, &trigger);
    }
    let last_run =
        SystemTime { year: 2010, month: 11, weekday: 5, day: 12, hour: 13, minute: 14, second: 15, milliseconds: 160 };
    Parts {
        header: FixdlenData {
            product_version: 0x0501,
            job_uuid: Guid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF),
            error_retry_count: 1,
            error_retry_interval: 2,
            idle_deadline: 3,
            idle_wait: 4,
            priority: Priority(Priority::IDLE | 1),
            maximum_run_time: 5,
            exit_code: 6,
            status: 7,
            flags: Flags(0xFFFF_FFFF),
            last_run,
        },
        running_instance_count: 8,
        texts: [Some(utf16("a")), None, Some(Vec::new()), Some(utf16("名前 🦀")), Some(vec![0, 0xD8, 0, 0, 9, 0])],
        user_data: vec![1, 2, 3],
        reserved_data: vec![0xA, 0, 0, 0x80, 4, 3, 2, 1],
        triggers,
        signature: [1, 0, 1, 0].into_iter().chain(0..64).collect(),
    }
}

pub(super) fn push(triggers: &mut Vec<u8>, trigger: &JobTrigger) {
    let mut bytes = [0; TRIGGER_SIZE];
    trigger.write(&mut mainspring::bytes::Writer::new(&mut bytes)).unwrap();
    triggers.extend(bytes);
}

/// Every truncation and every flipped bit is refused, or is a file that is written to the byte.
pub(super) fn damaged(bytes: &[u8]) {
    let mut buffer = vec![0; bytes.len()];
    let mut check = |bytes: &[u8]| match Job::parse(bytes) {
        Ok(job) => {
            assert_eq!(job.write(&mut buffer).unwrap(), bytes);
            assert!(job.triggers.iter().count() == job.triggers.len());
            true
        }
        Err(error) => {
            assert!(error.to_string().contains(".JOB"), "{error}");
            false
        }
    };
    let (mut accepted, mut refused) = (0, 0);
    let mut look = |bytes: &[u8]| if check(bytes) { accepted += 1 } else { refused += 1 };
    damage::cut(bytes, &mut look);
    damage::flipped(bytes, &mut look);
    println!("{accepted} damaged files read, {refused} refused");
    assert!(accepted > 0 && refused > 0);
}

#[test]
fn the_layout_is_the_specifications() {
    let parts = everything();
    let bytes = written(&parts.job());
    let hex = super::super::image::hex;
    assert_eq!(
        hex(&bytes[..0x44]),
        concat!(
            "0105",
            "0100",
            "33221100554477668899aabbccddeeff",
            "4600",
            "7900",
            "0100",
            "0200",
            "0300",
            "0400",
            "41000000",
            "05000000",
            "06000000",
            "07000000",
            "ffffffff",
            "da070b0005000c000d000e000f00a000",
        )
    );
    assert_eq!(
        hex(&bytes[0x44..0x7B]),
        concat!(
            "0800",
            "020061000000",
            "0000",
            "01000000",
            "06000d544d5220003ed880dd0000",
            "040000d8000009000000",
            "0300010203",
            "08000a00008004030201",
            "0800",
        )
    );
    // The first trigger.
    assert_eq!(
        hex(&bytes[0x7B..0x7B + TRIGGER_SIZE]),
        concat!(
            "efbe",
            "0000",
            "d10702000300",
            "d40705000600",
            "07000800",
            "04030201",
            "08070605",
            "070000f0",
            "00000000",
            "000000000000",
            "adde",
            "cdab",
            "3412",
        )
    );
    assert_eq!(bytes.len(), 0x7B + 8 * TRIGGER_SIZE + SIGNATURE);
    let job = Job::parse(&bytes).unwrap();
    assert_eq!(job, parts.job());
    assert_eq!(job.task_reserved1(), Some(TaskReserved1 { start_error: 0x8000_000A, task_flags: 0x0102_0304 }));
    let signature: [u8; 64] = core::array::from_fn(|at| at as u8);
    assert_eq!(job.job_signature(), Some(JobSignature(&signature)));
}

#[test]
fn a_signature_that_is_not_whole_or_not_of_version_1_is_ignored_and_kept() {
    let mut parts = everything();
    let whole = parts.signature.clone();
    for signature in [&whole[..0], &whole[..3], &whole[..67], &[&[2, 0, 1, 0], &whole[4..]].concat()] {
        parts.signature = signature.to_vec();
        let bytes = written(&parts.job());
        let job = Job::parse(&bytes).unwrap();
        assert_eq!((job.job_signature(), job.signature), (None, signature));
    }
    // What the Trigger Count leaves out is no signature that is cut, and neither is anything else.
    for tail in [&b"x"[..], &[b'x'; 48], &[1, 0, 0], &[0x30, 0, 0, 0]] {
        parts.signature = Vec::new();
        let mut bytes = written(&parts.job());
        bytes.extend(tail);
        assert_eq!(Job::parse(&bytes), Err(JobError::TooLong { excess: tail.len() }));
    }
    let mut bytes = written(&parts.job());
    let count = bytes[0x79];
    bytes[0x79] = count - 1;
    assert_eq!(Job::parse(&bytes), Err(JobError::TooLong { excess: TRIGGER_SIZE }));
    let mut bytes = written(&everything().job());
    bytes.extend([0; 5]);
    assert_eq!(Job::parse(&bytes), Err(JobError::TooLong { excess: 5 }));
    assert_eq!(JobError::TooLong { excess: 5 }.status().0, 0x8007_000D);
}

/// 2.4.2.9 with its note 14: Windows answers ERROR_INVALID_DATA.
#[test]
fn reserved_data_of_another_size_is_refused() {
    let mut parts = everything();
    for size in [0, 8] {
        parts.reserved_data = vec![0; size];
        assert_eq!(Job::parse(&written(&parts.job())).unwrap().task_reserved1().is_some(), size == 8);
    }
    let bytes = written(&parts.job());
    // Two bytes fewer in Reserved Data, with a Trigger Offset that agrees.
    let mut shorter = bytes.clone();
    shorter[0x6F] = 6;
    shorter.drain(0x77..0x79);
    shorter[0x16] -= 2;
    let error = JobError::ReservedDataSize(6);
    assert_eq!((Job::parse(&shorter), error.status()), (Err(error), Status::E_INVALID_DATA));
    assert_eq!(error.status().name(), Some("E_INVALID_DATA"));
    parts.reserved_data = vec![0; 6];
    assert_eq!(parts.job().write(&mut [0; 1024]), Err(JobWriteError::ReservedDataSize(6)));
}

#[test]
fn lengths_that_lie_are_refused() {
    let bytes = written(&everything().job());
    let with = |at: usize, value: u16| {
        let mut lying = bytes.clone();
        lying[at..at + 2].copy_from_slice(&value.to_le_bytes());
        lying
    };
    let left = |at: usize| bytes.len() - at - 2;
    let short = |field, needed, left| Err(JobError::Short { field, needed, left });
    let texts = [
        (0x46, JobField::ApplicationName),
        (0x4C, JobField::Parameters),
        (0x4E, JobField::WorkingDirectory),
        (0x52, JobField::Author),
        (0x60, JobField::Comment),
    ];
    for (at, field) in texts {
        assert_eq!(Job::parse(&with(at, 0xFFFF)), short(field, 2 * 0xFFFF, left(at)));
    }
    assert_eq!(Job::parse(&with(0x6A, 0xFFFF)), short(JobField::UserData, 0xFFFF, left(0x6A)));
    assert_eq!(Job::parse(&with(0x6F, 0xFFFF)), short(JobField::ReservedData, 0xFFFF, left(0x6F)));
    let triggers = 0xFFFF * TRIGGER_SIZE;
    assert_eq!(Job::parse(&with(0x79, 0xFFFF)), short(JobField::Triggers, triggers, left(0x79)));
    // One more trigger than there are reaches into the signature and beyond; one less leaves too much behind.
    assert_eq!(Job::parse(&with(0x79, 9 + 1)), short(JobField::Triggers, 10 * TRIGGER_SIZE, left(0x79)));
    assert_eq!(Job::parse(&with(0x79, 7)), Err(JobError::TooLong { excess: TRIGGER_SIZE }));
    assert_eq!(Job::parse(&with(0x46, 1)), Err(JobError::NotTerminated(JobField::ApplicationName)));
    assert_eq!(Job::parse(&with(0x14, 0x48)), Err(JobError::AppNameLenOffset(0x48)));
    assert_eq!(Job::parse(&with(0x16, 0xFFFF)), Err(JobError::TriggerOffset { found: 0xFFFF, expected: 0x79 }));
    assert_eq!(Job::parse(&with(2, 2)), Err(JobError::FileVersion(2)));
    assert_eq!(Job::parse(&[]), short(JobField::FixdlenData, 0x44, 0));
}

#[test]
fn what_16_bits_cannot_count_is_not_written() {
    let mut buffer = vec![0; 1 << 23];
    let mut refused = |parts: &Parts| parts.job().write(&mut buffer).map(<[u8]>::len).unwrap_err();
    let long = |units: usize| [Some(vec![0x61; 2 * units]), None, None, None, None];
    let too_long = |field| JobWriteError::TooLong(field);
    let parts = Parts { texts: long(0xFFFF), ..Parts::default() };
    assert_eq!(refused(&parts), too_long(JobField::ApplicationName));
    // The string may be that long, but the triggers would begin where their offset cannot say.
    let parts = Parts { texts: long(0xFFFE), ..Parts::default() };
    assert_eq!(refused(&parts), too_long(JobField::TriggerCount));
    let parts = Parts { user_data: vec![0; 0x1_0000], ..Parts::default() };
    assert_eq!(refused(&parts), too_long(JobField::UserData));
    let parts = Parts { reserved_data: vec![0; 0x1_0000], ..Parts::default() };
    assert_eq!(refused(&parts), JobWriteError::ReservedDataSize(0x1_0000));
    let parts = Parts { triggers: vec![0; 0x1_0000 * TRIGGER_SIZE], ..Parts::default() };
    assert_eq!(refused(&parts), too_long(JobField::Triggers));
    for length in [1, SIGNATURE + 1] {
        let parts = Parts { signature: vec![0; length], ..Parts::default() };
        assert_eq!(refused(&parts), too_long(JobField::JobSignature));
    }
    let most = Parts { triggers: vec![0; 0xFFFF * TRIGGER_SIZE], ..Parts::default() };
    let bytes = written(&most.job());
    assert_eq!(Job::parse(&bytes).unwrap().triggers.len(), 0xFFFF);
    let whole = written(&everything().job());
    for room in 0..whole.len() {
        assert!(matches!(everything().job().write(&mut buffer[..room]), Err(JobWriteError::Full(_))));
    }
}

#[test]
fn no_damage_makes_reading_panic() {
    damaged(&written(&everything().job()));
}

fn random(chance: &mut Chance) -> Parts {
    let bytes = |chance: &mut Chance, most: u64| {
        let length = chance.below(most + 1);
        (0..length).map(|_| chance.draw() as u8).collect::<Vec<_>>()
    };
    let header = bytes_of(chance, 0x44);
    let mut valid = written(&Job::default());
    for (range, source) in [(0..2, 0..2), (4..0x14, 4..0x14), (0x18..0x44, 0x18..0x44)] {
        valid[range].copy_from_slice(&header[source]);
    }
    let header = Job::parse(&valid).unwrap().fixdlen_data;
    let texts = core::array::from_fn(|_| {
        (chance.below(4) != 0).then(|| {
            let length = chance.below(40) as usize;
            bytes_of(chance, 2 * length)
        })
    });
    let triggers = chance.below(5) as usize;
    Parts {
        header,
        running_instance_count: chance.draw() as u16,
        texts,
        user_data: bytes(chance, 30),
        reserved_data: vec![chance.draw() as u8; 8 * chance.below(2) as usize],
        triggers: bytes_of(chance, triggers * TRIGGER_SIZE),
        signature: match chance.below(3) {
            0 => (0..SIGNATURE).map(|_| chance.below(256) as u8).collect(),
            1 => [1, 0, 1, 0].into_iter().chain(5..5 + 63).take(chance.below(SIGNATURE as u64) as usize).collect(),
            _ => Vec::new(),
        },
    }
}

fn bytes_of(chance: &mut Chance, length: usize) -> Vec<u8> {
    (0..length).map(|_| chance.draw() as u8).collect()
}

#[test]
fn any_value_survives() {
    let mut chance = Chance::new(0x10B);
    for _ in 0..20_000 {
        let parts = random(&mut chance);
        let bytes = written_small(&parts.job());
        let job = Job::parse(&bytes).unwrap();
        assert_eq!(job, parts.job());
        assert_eq!(written_small(&job), bytes);
        let again = job.triggers.iter().fold(Vec::new(), |mut bytes, trigger| {
            push(&mut bytes, &trigger);
            bytes
        });
        assert_eq!(again, parts.triggers);
    }
}
