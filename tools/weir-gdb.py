# SPDX-License-Identifier: BSD-2-Clause
"""weir-gdb.py  Tasks for gdb: where each of them waits, and the stack of one. On a running process and on a core file.

    gdb -p $(pidof weir) -x tools/weir-gdb.py          gdb build/release/weir core -x tools/weir-gdb.py
    (gdb) weir tasks                                   (gdb) weir bt 0x7f3c5a7e1c40

A suspended task is no thread: gdb does not see it. Its stack is found by an unwinder that, while "weir bt" runs, lets the
current thread's innermost frame continue in the task's saved registers (core/switch_x86_64.S, core/switch_ucontext.c). So
nothing is written to the process, and a core file will do. It needs the library's debug information, which a release has. In
a core file a plugin's functions have names only if it ran with copy_plugins = false: the private copy is gone by then.
"""
import ipaddress
import re
import struct
import time

import gdb
import gdb.unwinder

WORD = 8
SAVED_SP = 64                       # what weir__switch has pushed, return address included
REGISTERS = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip")       # from context.sp + 8 on
UCONTEXT = {"r12": 4, "r13": 5, "r14": 6, "r15": 7, "rbp": 10, "rbx": 11, "rsp": 15, "rip": 16}     # in gregs
TRANSPORT_WAITS = ("WAIT_BYTES", "WAIT_DRAIN", "WAIT_CLOSED")


class Failure(gdb.GdbError):
    pass


# --- Reading memory ----------------------------------------------------------------------------------------------------------

def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(int(address), size))


def pointer_to(name):
    return gdb.lookup_type(name).pointer()


def offset_of(name, field):
    return next(f.bitpos // 8 for f in gdb.lookup_type(name).fields() if f.name == field)


def entries(head, name, field):
    """The objects of an intrusive list (core/list.h). A list that is broken in a core file ends where it is broken."""
    shift, kind = offset_of(name, field), pointer_to(name)
    node, seen = head["next"], set()
    while int(node) != int(head.address) and int(node) not in seen:
        seen.add(int(node))
        yield gdb.Value(int(node) - shift).cast(kind)
        try:
            node = node["next"]
            int(node.dereference()["next"])
        except gdb.MemoryError:
            return


def loops():
    try:
        running = gdb.parse_and_eval("weir__running")
        return list(entries(running, "struct weir_loop", "running_link"))
    except gdb.error as error:
        raise Failure(f"no loops found: is this a process that uses weir, with its debug information? ({error})") from error


def tasks_of(loop):
    return list(entries(loop["tasks"], "struct weir_task", "all_link"))


# --- What there is to say about a task ---------------------------------------------------------------------------------------

def text(pointer):
    return pointer.string("utf-8", "replace") if int(pointer) != 0 else None


def title(task):
    return text(task["name"]) or text(task["label"]) or "(not in this core file)"


def state(task):
    return str(task["state"]).replace("TASK_", "").lower()


def waits_for(task):
    """The words of weir_tasks_dump: the kinds of wait are named after them."""
    if state(task) == "parked":
        return str(task["wait_kind"]).replace("WAIT_", "").lower()
    return "nothing" if state(task) == "running" else "turn"


def socket_address(raw):
    if len(raw) < 2:
        return None
    family = struct.unpack("=H", raw[:2])[0]
    if family == 2 and len(raw) >= 8:
        return f"{ipaddress.IPv4Address(raw[4:8])}:{struct.unpack('>H', raw[2:4])[0]}"
    if family == 10 and len(raw) >= 24:
        return f"[{ipaddress.IPv6Address(raw[8:24])}]:{struct.unpack('>H', raw[2:4])[0]}"
    if family == 1:
        path = raw[2:].split(b"\0")[0] if raw[2:3] != b"\0" else b"@" + raw[3:]
        return "unix:" + path.decode("utf-8", "replace")
    return None


def transport_peer(transport):
    """Of a transport over a socket; others have nobody at the other end."""
    if int(transport) == 0:
        return None
    base = transport.cast(pointer_to("struct weir_transport"))
    if "socket_ops" not in str(base["ops"]):
        return None
    within = next(field.bitpos for field in gdb.lookup_type("struct socket_transport").fields() if field.name == "base") // 8
    socket = gdb.Value(int(transport) - within).cast(pointer_to("struct socket_transport"))
    return socket_address(read(socket["peer"].address, int(socket["peer_len"])))


def peer(task):
    kind = str(task["wait_kind"])
    try:
        if state(task) == "parked" and kind == "WAIT_CONNECT":
            address = task["wait_on"].cast(pointer_to("struct attempt"))["address"]
            return socket_address(read(address["storage"].address, int(address["len"])))
        if state(task) == "parked" and kind in TRANSPORT_WAITS:
            return transport_peer(task["wait_on"])
        return transport_peer(task["serves"])
    except gdb.error:
        return "?"


def is_core():
    try:
        return gdb.selected_inferior().connection.type == "core"
    except AttributeError:
        return False


def poll_time(loop):
    """When the loop last polled: the first field of libev's struct, whose debug information is rarely there."""
    return struct.unpack("=d", read(loop["ev"], WORD))[0]


def now(found):
    """Of a core file the latest time that anything in it knows."""
    if not is_core():
        return time.time()
    known = [poll_time(loop) for loop, _ in found] + [float(task["since"]) for _, tasks in found for task in tasks]
    return max(known, default=0)


def list_tasks():
    found = [(loop, tasks_of(loop)) for loop in loops()]
    at = now(found)
    print(f"{'task':<18} {'worker':>6} {'state':<8} {'waits for':<10} {'seconds':>10} {'peer':<24} name")
    for loop, tasks in found:
        for task in tasks:
            waited = f"{max(at - float(task['since']), 0):.3f}" if state(task) == "parked" else "-"
            print(f"{int(task):#018x} {int(loop['worker']):>6} {state(task):<8} {waits_for(task):<10} {waited:>10} "
                  f"{peer(task) or '-':<24} {title(task)}")
    count = sum(len(tasks) for _, tasks in found)
    if any(int(task["label"]) == 0 for _, tasks in found for task in tasks):
        print("Stacks are missing here: gdb's gcore loses what lies beside a guard page. The kernel's own core files have all.")
    print(f"{count} {'task' if count == 1 else 'tasks'} on {len(found)} {'loop' if len(found) == 1 else 'loops'}")


# --- The stack of one --------------------------------------------------------------------------------------------------------

def saved_registers(task):
    sp = int(task["context"]["sp"])
    if gdb.lookup_global_symbol("weir__switch_entry") is not None or has_symbol("weir__switch_entry"):
        values = struct.unpack(f"={len(REGISTERS)}Q", read(sp + WORD, len(REGISTERS) * WORD))
        return {**dict(zip(REGISTERS, values)), "rsp": sp + SAVED_SP}
    gregs = gdb.Value(sp).cast(pointer_to("ucontext_t"))["uc_mcontext"]["gregs"]
    return {name: int(gregs[index]) for name, index in UCONTEXT.items()}


def has_symbol(name):
    """Assembly has no debug information, so its functions are minimal symbols only."""
    try:
        gdb.parse_and_eval(f"&{name}")
        return True
    except gdb.error:
        return False


class TaskUnwinder(gdb.unwinder.Unwinder):
    """While it has registers: what the innermost frame of the current thread is said to have been called from."""

    def __init__(self):
        super().__init__("weir-task")
        self.registers = self.at = None

    def __call__(self, pending):
        if self.registers is None or int(pending.read_register("rsp")) != self.at:
            return None
        word = gdb.lookup_type("unsigned long")
        # Below the task's stack pointer, wherever the thread's is: gdb ends a backtrace that goes down the stack.
        info = pending.create_unwind_info(FrameId(gdb.Value(self.registers["rsp"] - WORD).cast(word), pending.read_register("rip")))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(word))
        return info


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


unwinder = TaskUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def backtrace(task):
    """gdb's own backtrace, without the frame of the thread that it is hung under."""
    frame = gdb.newest_frame()
    at = int(frame.read_register("rsp"))
    unwinder.registers, unwinder.at = saved_registers(task), at
    gdb.invalidate_cached_frames()
    try:
        lines = gdb.execute("bt", to_string=True).splitlines()
    finally:
        unwinder.registers = unwinder.at = None
        gdb.invalidate_cached_frames()
    kept, drop = [], True
    for line in lines:
        number = re.match(r"#(\d+)( +)", line)
        drop = number[1] == "0" if number else drop
        if not drop:
            kept.append(f"#{int(number[1]) - 1:<2} " + line[number.end():] if number else line)
    return kept


def find_tasks(wanted):
    """By address, or by name."""
    tasks = [task for loop in loops() for task in tasks_of(loop)]
    try:
        address = int(wanted, 0)
    except ValueError:
        found = [task for task in tasks if title(task) == wanted]
    else:
        found = [task for task in tasks if int(task) == address]
    if not found:
        raise Failure(f"there is no task {wanted}: \"weir tasks\" lists them, a task is its address or its name")
    return found


def show_backtraces(wanted):
    for task in find_tasks(wanted):
        print(f"task {int(task):#x} \"{title(task)}\" {state(task)}, waits for {waits_for(task)}, peer {peer(task) or 'none'}:")
        if state(task) == "running":
            print("    it runs: its stack is its thread's (\"thread apply all bt\")")
            continue
        for line in backtrace(task):
            print(line)


# --- Commands ----------------------------------------------------------------------------------------------------------------

class Weir(gdb.Command):
    """Tasks of a program that uses weir: "weir tasks" and "weir bt TASK"."""

    def __init__(self):
        super().__init__("weir", gdb.COMMAND_STACK, prefix=True)


class WeirTasks(gdb.Command):
    """List every task of every loop that runs: its state, what it waits for, for how long, on which connection."""

    def __init__(self):
        super().__init__("weir tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        if argument:
            raise Failure("weir tasks takes no argument")
        list_tasks()


class WeirBacktrace(gdb.Command):
    """weir bt TASK: the stack of a suspended task, which is an address or a name that "weir tasks" shows."""

    def __init__(self):
        super().__init__("weir bt", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        if not argument:
            raise Failure("weir bt TASK: an address or a name that \"weir tasks\" shows")
        show_backtraces(argument.strip())


Weir()
WeirTasks()
WeirBacktrace()
