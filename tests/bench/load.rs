//! `load ADDR:PORT USER COUNT`: registers so many tasks, as a client does. The password is in `MAINSPRING_PASSWORD`.

use std::{env, error::Error};

use mainspring::{
    auth::Credentials,
    tsch::client::{Creation, LogonType, RegisterTask},
};
use mainspring_linux::client::Session;

/// A task that fires once a day, with what most real tasks have; about 1,500 bytes.
const XML: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Date>2024-01-01T00:00:00</Date>
    <Author>CONTOSO\administrator</Author>
    <Description>Keeps what has to be kept, and throws the rest away.</Description>
  </RegistrationInfo>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-18</UserId>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <IdleSettings>
      <StopOnIdleEnd>true</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
  </Settings>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2024-01-01T02:30:00</StartBoundary>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Actions Context="Author">
    <Exec>
      <Command>/usr/bin/true</Command>
      <Arguments>--quietly --with "some arguments"</Arguments>
    </Exec>
  </Actions>
</Task>"#;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [address, user, count] = words.as_slice() else { return Err("load ADDR:PORT USER COUNT".into()) };
    let password = env::var("MAINSPRING_PASSWORD")?;
    let mut session = Session::open(address, &mainspring::tsch::INTERFACE, Credentials::new(user, "", &password))?;
    for number in 0..count.parse()? {
        // A hundred folders: neither all in one nor each in its own.
        let path = format!(r"\Load\Folder {:02}\Task {number:06}", number % 100);
        let answer = session.call(&RegisterTask {
            path: Some(&path),
            xml: XML,
            creation: Creation::CreateOrUpdate,
            disable: false,
            sddl: None,
            logon_type: LogonType::None,
            credential: None,
        })?;
        if answer.status.is_failure() {
            return Err(format!("{path}: {:#010x}", answer.status.0).into());
        }
    }
    Ok(())
}
