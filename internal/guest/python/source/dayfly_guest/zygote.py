# SPDX-License-Identifier: Apache-2.0
"""A zygote: a warm interpreter from which guests are forked instead of started.

    host ──tape, descriptors──▶ zygote ──clone──▶ child ──plays the tape──▶ sealed
         ◀─────── pid ────────                      └─ order ─▶ is the guest, or execve

It speaks what package airlock of the platform speaks, so that a forked box is built by
the very calls that build a booted one. No code of any function ever runs here; what the
children share is an interpreter that has read our modules and served a dummy call.
"""
import ctypes
import errno
import gc
import os
import signal
import socket
import sys
from array import array
from struct import Struct

WORD = "zygote"  # the argument that makes a guest a zygote
ITSELF = "(itself)"  # argument zero of an order that wants the guest, no program

_START = 3  # the socket to the host, by the protocol of sandboxes
_SOCKET = 9  # where it is moved: what is below is occupied and left to tapes
_COMMAND = 4  # where tapes put the child's socket to the host
_LEFT = 64  # beyond what a tape leaves open: its descriptors are below ten
_TAPE_MAX = 128 << 10  # bytes of a tape, by the protocol
_FILES_MAX = 253  # descriptors that the kernel lets one message carry
_ORDER_MAX = 2 << 20  # bytes of an order, by the protocol
_KNOWN_MAX = 8  # tapes kept decoded: those of one runtime differ by network at most

_HEAD = Struct("=QIIiI")  # clone flags, steps, bytes of data, network's file
_STEP = Struct("=IBB6B4x6q")  # call, flags, save, six kinds, six arguments
_ANSWER = Struct("=iI")  # pid, errno
_REPORT = Struct("=II")  # step, errno
_ORDER = Struct("=IIIIII")  # bytes, paths, arguments, variables, folder
_DATA, _FILE, _REGISTER = 1, 2, 3
_MAY_FAIL, _EXACT = 1, 2
_POINT, _OBEY = 1 << 24, (1 << 24) + 1
_SEALED, _AT_FOLDER, _AT_PROGRAM, _AT_INTERPRETER, _AT_ORDER = range(0xFFFFFFF0, 0xFFFFFFF5)
_UNUSABLE = 127  # exit status of a child whose tape failed

_CLONE_PARENT = 0x8000
_CLONE_CHILD_CLEARTID = 0x200000
_CLONE_CHILD_SETTID = 0x1000000
_CLONE_NEWNET = 0x40000000
_PR_SET_DUMPABLE = 4
_PR_GET_TID_ADDRESS = 40
_ARM = os.uname().machine in ("aarch64", "arm64")
_SYS_CLONE, _SYS_SETNS, _SYS_GETPID = (220, 268, 172) if _ARM else (56, 308, 39)

_c = ctypes.PyDLL(None, use_errno=True)  # holds the interpreter's lock: one thread, one fork
_call = _c.syscall
_call.restype = ctypes.c_long
_call.argtypes = [ctypes.c_long] * 7
_errno = ctypes.get_errno


class Unfit(Exception):
    """Why this interpreter cannot be forked."""


class Tape:
    """System calls of one box, resolved to numbers."""

    def __init__(self, flags, steps, network):
        self.flags = flags
        self.steps = steps
        self.network = network


def serve():
    """Fork a child for each tape until the host hangs up. Returns in the children, when
    they are to be guests, with the guest's arguments."""
    nursery = _Nursery()
    gc.collect()
    gc.freeze()
    gc.disable()
    nursery.answer(0, 0)
    while True:
        order = nursery.next()
        if order is not None:
            gc.enable()
            return order


class _Nursery:
    def __init__(self):
        self._settle()
        self._buffer = ctypes.create_string_buffer(_TAPE_MAX)
        self._base = ctypes.addressof(self._buffer)
        self._view = memoryview(self._buffer).cast("B")
        self._room = socket.CMSG_SPACE(4 * _FILES_MAX)
        self._known = {}
        self._tid = _tid_address()
        python = ctypes.pythonapi
        self._before = python.PyOS_BeforeFork
        self._in_parent = python.PyOS_AfterFork_Parent
        self._in_child = python.PyOS_AfterFork_Child
        for f in (self._before, self._in_parent, self._in_child):
            f.restype, f.argtypes = None, []
        if len(os.listdir("/proc/self/task")) != 1:
            raise Unfit("the interpreter runs threads")
        self._try()

    def _settle(self):
        """Move the socket out of the way of tapes, and remember the network."""
        os.dup2(_START, _SOCKET, inheritable=False)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        for fd in range(_START, _SOCKET):
            if fd != null:
                os.dup2(null, fd, inheritable=False)
        self._socket = socket.socket(fileno=_SOCKET)
        self._socket.setblocking(True)
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def _try(self):
        """Fork two children that do nothing but tell their random numbers: a fork that
        works, and numbers that differ, are what guests are promised."""
        told = []
        for _ in range(2):
            here, there = os.pipe()
            steps = [(_SYS_GETPID, (0,) * 6, None, 0, 0), (_OBEY, (), None, 0, 0)]
            if self._fork(0) == 0:
                try:
                    _play(steps, self._base)
                    os.write(there, repr(_samples()).encode())
                finally:
                    os._exit(0)
            os.close(there)
            told.append(os.read(here, 65536))
            os.close(here)
            os.wait()
        if not told[0] or not told[1]:
            raise Unfit("a forked child cannot run")
        if set(eval(told[0])) & set(eval(told[1])):
            raise Unfit("forked children draw the same random numbers")

    def answer(self, pid, number):
        self._socket.send(_ANSWER.pack(pid, number))

    def next(self):
        """Serve one tape. None in the parent; in a child that is a guest, its arguments."""
        size, rights, _, _ = self._socket.recvmsg_into([self._view], self._room,
                                                       socket.MSG_CMSG_CLOEXEC)
        if not size:
            os._exit(0)
        files = array("i")
        for _, _, data in rights:
            files.frombytes(data[: len(data) - len(data) % 4])
        try:
            tape = self._decode(size, files)
        except (ValueError, IndexError):
            tape, pid, number = None, -1, errno.EINVAL
        if tape is not None:
            pid, number = self._launch(tape, files)
            if pid == 0:
                return self._live(tape)
        if files:
            os.closerange(min(files), max(files) + 1)
        self.answer(pid, number)
        return None

    def _decode(self, size, files):
        flags, count, length, network, _ = _HEAD.unpack_from(self._view)
        end = _HEAD.size + count * _STEP.size
        if size != end + length or network >= len(files):
            raise ValueError("tape")
        key = bytes(self._view[:end]) + files.tobytes()
        tape = self._known.get(key)
        if tape is None:
            steps = [self._resolve(s, self._base + end, files)
                     for s in _STEP.iter_unpack(self._view[_HEAD.size : end])]
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            tape = self._known[key] = Tape(flags, steps, files[network] if network >= 0 else -1)
        return tape

    @staticmethod
    def _resolve(step, data, files):
        """A step's call and arguments as numbers, and which of them are registers."""
        call, flags, save = step[:3]
        args, registers = list(step[9:]), []
        for i, kind in enumerate(step[3:9]):
            if kind == _DATA:
                args[i] += data
            elif kind == _FILE:
                args[i] = files[args[i]]
            elif kind == _REGISTER:
                registers.append((i, args[i] & 7))
        if call == _POINT:
            args[:2] = data + step[9], data + step[10]
        return call, tuple(args), registers or None, flags, save & 7

    def _launch(self, tape, files):
        """Fork, in the tape's network when it names one. Gives pid and errno."""
        if tape.network >= 0 and _call(_SYS_SETNS, tape.network, _CLONE_NEWNET, 0, 0, 0, 0) < 0:
            return -1, _errno()
        pid = self._fork(tape.flags | _CLONE_PARENT)
        if pid == 0:
            return 0, 0
        number = _errno() if pid < 0 else 0
        if tape.network >= 0 and _call(_SYS_SETNS, self._home, _CLONE_NEWNET, 0, 0, 0, 0) < 0:
            os._exit(1)
        return pid, number

    def _fork(self, flags):
        """clone with the flags of a tape, with all that os.fork does around it: locks of
        the interpreter, hooks such as the reseeding of random, and the C library's idea
        of the thread's number."""
        flags |= _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID | signal.SIGCHLD
        tid = self._tid
        self._before()
        pid = _call(_SYS_CLONE, flags, 0, 0, 0 if _ARM else tid, tid if _ARM else 0, 0)
        if pid == 0:
            self._in_child()
        else:
            failure = _errno()
            self._in_parent()
            ctypes.set_errno(failure)
        return pid

    def _live(self, tape):
        """In a child: play the tape, and be what the order says."""
        self._socket.detach()  # the tape closes it, and its number will be another's
        _play(tape.steps, self._base)
        _send(_SEALED, 0)
        paths, argv, env, folder = _order()
        try:
            os.chdir(folder)
        except OSError as exc:
            _fail(_AT_FOLDER, exc.errno)
        if argv[:1] == [ITSELF]:
            _c.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # as after execve: /proc/self is its own
            _adopt(env)
            os.closerange(_COMMAND, _LEFT)  # as execve closes them
            return argv[1:]
        _become(paths, argv, env)


def _tid_address():
    """Where the C library keeps the thread's number: a fork must set it."""
    address = ctypes.c_ulong()
    if _c.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0) or not address.value:
        raise Unfit("the kernel does not tell where the thread's number is")
    return address.value


def _samples():
    """Of every random source that a guest's modules have loaded."""
    import random
    import uuid

    return [random.random(), random.getrandbits(64), uuid.uuid4().int, os.urandom(16)]


def _play(steps, base):
    """Make the tape's calls; one that fails ends the process."""
    registers = [0] * 8
    at = 0
    for call, args, uses, flags, save in steps:
        if uses:
            args = list(args)
            for i, register in uses:
                args[i] = registers[register]
        if call < _POINT:
            result = _call(call, *args)
            if (result == -1 and not flags & _MAY_FAIL) or (flags & _EXACT and result != args[2]):
                _fail(at, _errno() if result == -1 else errno.EPIPE)
            registers[save] = result
        elif call == _POINT:
            ctypes.c_ulong.from_address(args[0]).value = args[1]
        elif call == _OBEY:
            return
        at += 1
    _fail(at, errno.EINVAL)


def _send(at, number):
    try:
        os.write(_COMMAND, _REPORT.pack(at, number))
    except OSError:
        os._exit(_UNUSABLE)


def _fail(at, number):
    _send(at, number)
    os._exit(_UNUSABLE)


def _read(size):
    data = b""
    while len(data) < size:
        more = os.read(_COMMAND, size - len(data))
        if not more:
            os._exit(_UNUSABLE)
        data += more
    return data


def _order():
    """Await the order: paths, arguments, variables and folder."""
    size, paths, count, variables, folder, _ = _ORDER.unpack(_read(_ORDER.size))
    if size > _ORDER_MAX or (paths + count + variables + 2) * 8 > size:
        _fail(_AT_ORDER, errno.E2BIG)
    body = _read(size)
    table = Struct("=%dQ" % (paths + count + variables + 2)).unpack_from(body)

    def text(at):
        return os.fsdecode(body[at : body.index(b"\0", at)])

    env = dict(text(at).split("=", 1) for at in table[paths + count + 1 : -1])
    return ([text(at) for at in table[:paths]], [text(at) for at in table[paths : paths + count]],
            env, text(folder))


def _adopt(env):
    if os.environ != env:
        os.environ.clear()
        os.environ.update(env)


def _become(paths, argv, env):
    """Run a program in place of the interpreter, with the signals a program expects."""
    for name in ("SIGPIPE", "SIGXFSZ", "SIGINT"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    number = errno.ENOENT
    for path in paths:
        try:
            os.execve(path, argv, env)
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ENOTDIR):
                if not os.path.exists(path):
                    continue
                _fail(_AT_INTERPRETER, exc.errno)
            number = exc.errno
            if number != errno.EACCES:
                break
    _fail(_AT_PROGRAM, number)
