use mainspring::{
    bytes::{Order, Reader, Writer},
    time::{
        Timestamp,
        civil::{self, DAY_MAX, DAY_MIN, DateTime, YEAR_MAX, YEAR_MIN},
        filetime::{FileTime, SystemTime, SystemTimeError},
    },
};

#[test]
fn every_day_has_its_date_and_back() {
    let mut expected = (YEAR_MIN, 1, 1);
    // -9999-01-01 is a Monday: ten thousand years are 25 cycles, and 0001-01-01 is one.
    let mut weekday = 1;
    for day in DAY_MIN..=DAY_MAX {
        assert_eq!(civil::date(day), expected);
        let (year, month, of_month) = expected;
        assert_eq!(civil::days(year, month, of_month), day);
        assert_eq!(civil::weekday(day), weekday, "{expected:?}");
        weekday = (weekday + 1) % 7;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = [31, 28 + u8::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][usize::from(month) - 1];
        assert_eq!((civil::is_leap(year), civil::days_in_month(year, month)), (leap, length));
        expected = match (month, of_month) {
            (12, 31) => (year + 1, 1, 1),
            _ if of_month == length => (year, month + 1, 1),
            _ => (year, month, of_month + 1),
        };
    }
    assert_eq!(expected.0, YEAR_MAX + 1);
    assert_eq!(civil::date(i32::MAX), (YEAR_MAX, 12, 31));
    assert_eq!(civil::date(i32::MIN), (YEAR_MIN, 1, 1));
}

#[test]
fn seconds_become_civil_time_and_back() {
    for seconds in [-62_135_596_800, -1, 0, 59, 3599, 86_399, 951_782_399, 1_709_251_199, 253_402_207_199] {
        let civil = DateTime::from_seconds(seconds).unwrap();
        assert!(civil.is_valid());
        assert_eq!(civil.seconds(), seconds);
        let expected = jiff::Timestamp::from_second(seconds).unwrap().to_string();
        let DateTime { year, month, day, hour, minute, second } = civil;
        assert_eq!(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"), expected);
    }
    assert_eq!(DateTime::from_seconds((i64::from(DAY_MAX) + 1) * 86_400), None);
    assert_eq!(DateTime::from_seconds(i64::from(DAY_MIN) * 86_400 - 1), None);
    assert_eq!(DateTime::from_seconds(i64::MIN), None);
    assert_eq!(Timestamp(-1).civil(), DateTime::new(1969, 12, 31, 23, 59, 59).map(|civil| (civil, 999)));
    assert_eq!(Timestamp::MAX.civil(), None);
}

#[test]
fn what_is_no_date_is_refused() {
    for (year, month, day, hour, minute, second) in [
        (1900, 2, 29, 0, 0, 0),
        (2000, 2, 30, 0, 0, 0),
        (2000, 4, 31, 0, 0, 0),
        (2000, 0, 1, 0, 0, 0),
        (2000, 13, 1, 0, 0, 0),
        (2000, 1, 0, 0, 0, 0),
        (2000, 1, 1, 24, 0, 0),
        (2000, 1, 1, 0, 60, 0),
        (2000, 1, 1, 0, 0, 60),
        (30828, 1, 1, 0, 0, 0),
        (-10_000, 1, 1, 0, 0, 0),
    ] {
        assert_eq!(DateTime::new(year, month, day, hour, minute, second), None);
    }
    // Fields that nobody checked still give a number.
    for civil in [
        DateTime { year: i16::MIN, month: 0, day: 0, hour: 255, minute: 255, second: 255 },
        DateTime { year: i16::MAX, month: 255, day: 255, hour: 255, minute: 255, second: 255 },
    ] {
        assert!(!civil.is_valid());
        let _ = (civil.seconds(), civil.weekday());
    }
}

#[test]
fn filetimes_count_from_1601() {
    assert_eq!(FileTime(0).timestamp(), DateTime::new(1601, 1, 1, 0, 0, 0).unwrap().utc());
    assert_eq!(FileTime(116_444_736_000_000_000).timestamp(), Timestamp(0));
    assert_eq!(FileTime::from(Timestamp(0)), FileTime(116_444_736_000_000_000));
    assert_eq!(FileTime(9_999).timestamp(), FileTime(0).timestamp());
    assert_eq!(FileTime::from(Timestamp::MIN), FileTime(0));
    assert_eq!(FileTime::from(Timestamp::MAX), FileTime::MAX);
    assert!(FileTime(u64::MAX).timestamp() > FileTime::MAX.timestamp());
    // The last that Windows has: 30828-09-14T02:48:05.477Z.
    assert_eq!(FileTime::MAX.timestamp(), Timestamp(910_692_730_085_477));

    let moment = FileTime(0x01D9_ABCD_1234_5678);
    let mut bytes = [0; 8];
    moment.write(&mut Writer::new(&mut bytes)).unwrap();
    assert_eq!(bytes, [0x78, 0x56, 0x34, 0x12, 0xCD, 0xAB, 0xD9, 0x01]);
    assert_eq!(FileTime::read(&mut Reader::new(&bytes)), Ok(moment));
    let big = [0x12, 0x34, 0x56, 0x78, 0x01, 0xD9, 0xAB, 0xCD];
    assert_eq!(FileTime::read(&mut Reader::with_order(&big, Order::Big)), Ok(moment));
    assert!(FileTime::read(&mut Reader::new(&bytes[..7])).is_err());
    assert!(moment.write(&mut Writer::new(&mut [0; 7])).is_err());
}

#[test]
fn systemtimes_are_read_and_written_field_by_field() {
    let civil = DateTime::new(2024, 2, 29, 13, 14, 15).unwrap();
    let system = SystemTime::from_civil(civil, 678).unwrap();
    assert_eq!(system.weekday, 4);
    assert_eq!(system.civil(), Ok((civil, 678)));
    let mut bytes = [0; SystemTime::SIZE];
    system.write(&mut Writer::new(&mut bytes)).unwrap();
    assert_eq!(bytes, [0xE8, 7, 2, 0, 4, 0, 29, 0, 13, 0, 14, 0, 15, 0, 0xA6, 2]);
    assert_eq!(SystemTime::read(&mut Reader::new(&bytes)), Ok(system));
    for short in 0..SystemTime::SIZE {
        assert!(SystemTime::read(&mut Reader::new(&bytes[..short])).is_err());
        assert!(system.write(&mut Writer::new(&mut [0; SystemTime::SIZE][..short])).is_err());
    }
    // Nobody looks at the day of the week.
    assert_eq!(SystemTime { weekday: 77, ..system }.civil(), Ok((civil, 678)));
}

#[test]
fn systemtimes_out_of_range_are_refused() {
    let good = SystemTime::from_civil(DateTime::new(2023, 2, 28, 0, 0, 0).unwrap(), 0).unwrap();
    let wrong = |change: &dyn Fn(&mut SystemTime)| {
        let mut system = good;
        change(&mut system);
        system.civil().unwrap_err()
    };
    assert_eq!(wrong(&|system| system.year = 1600), SystemTimeError::Year(1600));
    assert_eq!(wrong(&|system| system.year = 30828), SystemTimeError::Year(30828));
    assert_eq!(wrong(&|system| system.year = 65535), SystemTimeError::Year(65535));
    assert_eq!(wrong(&|system| system.month = 0), SystemTimeError::Month(0));
    assert_eq!(wrong(&|system| system.month = 258), SystemTimeError::Month(258));
    assert_eq!(wrong(&|system| system.day = 29), SystemTimeError::Day(29));
    assert_eq!(wrong(&|system| system.day = 256 + 1), SystemTimeError::Day(257));
    assert_eq!(wrong(&|system| system.hour = 24), SystemTimeError::TimeOfDay([24, 0, 0, 0]));
    assert_eq!(wrong(&|system| system.minute = 60), SystemTimeError::TimeOfDay([0, 60, 0, 0]));
    assert_eq!(wrong(&|system| system.second = 60), SystemTimeError::TimeOfDay([0, 0, 60, 0]));
    assert_eq!(wrong(&|system| system.milliseconds = 1000), SystemTimeError::TimeOfDay([0, 0, 0, 1000]));

    assert!(SystemTime::ZERO.is_zero() && !good.is_zero());
    assert_eq!(SystemTime::ZERO.civil(), Err(SystemTimeError::Year(0)));
    assert_eq!(SystemTime::from_civil(DateTime::new(1600, 12, 31, 23, 59, 59).unwrap(), 999), None);
    assert_eq!(SystemTime::from_civil(DateTime::new(2000, 1, 1, 0, 0, 0).unwrap(), 1000), None);
    let last = DateTime::new(30827, 12, 31, 23, 59, 59).unwrap();
    assert_eq!(SystemTime::from_civil(last, 999).unwrap().civil(), Ok((last, 999)));
}
