"""ITaskSchedulerService as the checks call it: what it answers and is told, and calls with what all of them say alike."""

from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.dtypes import NULL

from rpc import text

S_FALSE = 1
NOT_FOUND, PATH_NOT_FOUND, INVALID_NAME = 0x80070002, 0x80070003, 0x8007007B
EXISTS, NOT_EMPTY = 0x800700B7, 0x80070091
INVALID_ARGUMENT, NOT_IMPLEMENTED, ACCESS_DENIED = 0x80070057, 0x80004001, 0x80070005
HAS_NOT_RUN, NO_MORE_RUNS, NOT_SCHEDULED = 0x41303, 0x41304, 0x41305
TASK_NOT_RUNNING, TASK_DISABLED, NOT_ON_DEMAND = 0x8004130B, 0x80041326, 0x80041328
UNEXPECTED_NODE, NAMESPACE, INVALID_VALUE = 0x80041316, 0x80041317, 0x80041318
MISSING_NODE, MALFORMED, TOO_MANY_NODES = 0x80041319, 0x8004131A, 0x8004131D
UNSUPPORTED_ACCOUNT_OPTION, NO_MEMORY, LOGON_FAILURE = 0x80041314, 0x8007000E, 0x8007052E
CREATE, UPDATE, VALIDATE, DISABLE = tsch.TASK_CREATE, tsch.TASK_UPDATE, tsch.TASK_VALIDATE_ONLY, tsch.TASK_DISABLE
STATE = tsch.SCH_FLAG_STATE
DISABLED, READY, IS_RUNNING = tsch.TASK_STATE_DISABLED, tsch.TASK_STATE_READY, tsch.TASK_STATE_RUNNING


def register(dce, path, xml, flags=CREATE, logon=0, credentials=()):
    return tsch.hSchRpcRegisterTask(dce, path, xml, flags, NULL, logon, credentials)


def state(dce, path):
    answer = tsch.hSchRpcGetTaskInfo(dce, path, STATE)
    return answer["pEnabled"], answer["pState"]


def retrieved(dce, path):
    return text(tsch.hSchRpcRetrieveTask(dce, path)["pXml"])
