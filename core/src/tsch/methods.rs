//! The table of methods: it drives the dispatch, the transport's opnum check and the README.

use crate::{
    guid::Guid,
    rpc::interface::{Interface, Level, Method, SyntaxId},
};

macro_rules! methods {
    ($($opnum:literal $name:ident $spec:literal, served: $served:expr, nothing: $words:literal;)*) => {
        /// One method of the interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u16)]
        pub(super) enum Opnum {
            $($name = $opnum,)*
        }

        impl Opnum {
            /// The method of that number.
            pub(super) const fn new(number: u16) -> Option<Self> {
                match number {
                    $($opnum => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Bytes of out parameters that say nothing: zeros, and null pointers, which are zeros too.
            pub(super) const fn nothing(self) -> usize {
                match self {
                    $(Self::$name => 4 * $words,)*
                }
            }
        }

        const METHODS: &[Method] = &[$(Method { name: $spec, served: $served },)*];
    };
}

impl Opnum {
    /// Whether the answer is a list, and ends where there is no room for more.
    pub(super) const fn enumerates(self) -> bool {
        matches!(self, Self::EnumFolders | Self::EnumTasks | Self::EnumInstances | Self::ScheduledRuntimes)
    }
}

// The words of nothing are one for a DWORD or a pointer, and four for a GUID or a SYSTEMTIME.
methods! {
    0 HighestVersion "SchRpcHighestVersion", served: true, nothing: 1;
    1 RegisterTask "SchRpcRegisterTask", served: cfg!(feature = "xml"), nothing: 2;
    2 RetrieveTask "SchRpcRetrieveTask", served: cfg!(feature = "xml"), nothing: 1;
    3 CreateFolder "SchRpcCreateFolder", served: true, nothing: 0;
    4 SetSecurity "SchRpcSetSecurity", served: true, nothing: 0;
    5 GetSecurity "SchRpcGetSecurity", served: true, nothing: 1;
    6 EnumFolders "SchRpcEnumFolders", served: true, nothing: 3;
    7 EnumTasks "SchRpcEnumTasks", served: true, nothing: 3;
    8 EnumInstances "SchRpcEnumInstances", served: true, nothing: 2;
    9 GetInstanceInfo "SchRpcGetInstanceInfo", served: true, nothing: 7;
    10 StopInstance "SchRpcStopInstance", served: true, nothing: 0;
    11 Stop "SchRpcStop", served: true, nothing: 0;
    12 Run "SchRpcRun", served: true, nothing: 4;
    13 Delete "SchRpcDelete", served: true, nothing: 0;
    14 Rename "SchRpcRename", served: true, nothing: 0;
    15 ScheduledRuntimes "SchRpcScheduledRuntimes", served: true, nothing: 2;
    16 GetLastRunInfo "SchRpcGetLastRunInfo", served: true, nothing: 5;
    17 GetTaskInfo "SchRpcGetTaskInfo", served: true, nothing: 2;
    18 GetNumberOfMissedRuns "SchRpcGetNumberOfMissedRuns", served: true, nothing: 1;
    19 EnableTask "SchRpcEnableTask", served: true, nothing: 0;
}

/// ITaskSchedulerService as the transport sees it. Every call must be sealed (section 5.1).
pub const INTERFACE: Interface = Interface {
    name: "ITaskSchedulerService",
    syntax: SyntaxId { uuid: Guid::from_u128(0x86d3_5949_83c9_4044_b424_db36_3231_fd0c), major: 1, minor: 0 },
    minimum: Level::Privacy,
    methods: METHODS,
};
