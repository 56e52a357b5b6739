//! Texts that are so usual that an image holds their number instead.

/// The words of layout 1. It is part of the layout: nothing in it may ever change, and nothing be added, because an
/// older reader could not tell what a new number stands for.
pub(super) const WORDS: [&str; 24] = [
    "1.2",
    "1.4",
    "1.3",
    "1.6",
    "1.5",
    "1.1",
    "1.0",
    "Author",
    "LocalSystem",
    "System",
    "Users",
    "AllUsers",
    "LocalService",
    "NetworkService",
    "InteractiveUsers",
    "AnyUser",
    "Microsoft Corporation",
    "Microsoft",
    "powershell.exe",
    "powershell",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    "cmd.exe",
    "C:\\Windows\\System32\\cmd.exe",
    "",
];
