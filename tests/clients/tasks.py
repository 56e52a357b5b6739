"""Task definitions for the checks."""

from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


def moment(seconds_from_now):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def at_moment(timestamp):
    """A trigger that fires once, at this moment, given as Unix time."""
    written = datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"<TimeTrigger><StartBoundary>{written}</StartBoundary></TimeTrigger>"


def at(*seconds_from_now):
    """Triggers that fire once each."""
    return "".join(
        f"<TimeTrigger><StartBoundary>{moment(seconds)}</StartBoundary></TimeTrigger>" for seconds in seconds_from_now
    )


def every_minute(first):
    """A trigger that fires so many seconds from now and then every minute; it began an hour ago."""
    return (
        f"<TimeTrigger><Repetition><Interval>PT1M</Interval></Repetition>"
        f"<StartBoundary>{moment(first - 3600)}</StartBoundary></TimeTrigger>"
    )


def shell(command):
    """An action that hands this to the shell. It must hold no double quote."""
    return f"<Exec><Command>/bin/sh</Command><Arguments>{escape(f'-c {chr(34)}{command}{chr(34)}')}</Arguments></Exec>"


def task(actions, triggers="", policy="IgnoreNew", settings="", registration="", user="S-1-5-18", principal=""):
    """A whole definition, run by the system or another user; `principal` is more of the principal."""
    return (
        f'<?xml version="1.0" encoding="UTF-16"?><Task version="1.2" xmlns="{NAMESPACE}">'
        f"<RegistrationInfo>{registration}</RegistrationInfo>"
        f"<Triggers>{triggers}</Triggers>"
        f'<Principals><Principal id="Author"><UserId>{user}</UserId>{principal}</Principal></Principals>'
        f"<Settings><MultipleInstancesPolicy>{policy}</MultipleInstancesPolicy>"
        f"<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>"
        f"<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>{settings}</Settings>"
        f'<Actions Context="Author">{actions}</Actions></Task>'
    )
