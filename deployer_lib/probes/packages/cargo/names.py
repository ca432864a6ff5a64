"""What Rust's code may name without any manifest, and crates that belong to developers or to one platform."""

from __future__ import annotations

from typing import Final

__all__ = ["ARGUMENT_MACROS", "BUILT_IN", "DEVELOPMENT_CRATES", "PLATFORM_CRATES", "QUOTES", "TOOLS"]

#: Crates of the toolchain, words that begin a path, and primitive types.
BUILT_IN: Final = frozenset(
    [
        "std",
        "core",
        "alloc",
        "proc_macro",
        "test",
        "crate",
        "self",
        "super",
        "bool",
        "char",
        "str",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "f16",
        "f32",
        "f64",
        "f128",
        "slice",
        "array",
        "never",
        "tuple",
        "unit",
        "fn",
        "pointer",
        "reference",
        "macro_rules",
    ]
)
#: Attributes that belong to tools and to no crate.
TOOLS: Final = frozenset({"rustfmt", "clippy", "diagnostic", "miri", "rust_analyzer", "rustdoc", "coverage"})
#: Macros whose arguments are other programs' code, or text.
QUOTES: Final = frozenset(
    {"quote", "quote_spanned", "parse_quote", "parse_quote_spanned", "stringify", "compile_error", "asm", "global_asm",
     "include_str", "include_bytes", "macro_rules", "concat_idents", "doc_comment"}
)  # fmt: skip
#: Macros whose arguments are ordinary expressions, so that what stands in them is as sure as any other code.
ARGUMENT_MACROS: Final = frozenset(
    {"print", "println", "eprint", "eprintln", "format", "format_args", "write", "writeln", "panic", "assert", "assert_eq",
     "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne", "dbg", "vec", "matches", "todo", "unreachable",
     "unimplemented", "trace", "debug", "info", "warn", "error", "log", "anyhow", "bail", "ensure", "join", "try_join", "json"}
)  # fmt: skip
#: Crates that only tests, benchmarks and developers' tools are made with.
DEVELOPMENT_CRATES: Final = frozenset(
    {"assert-json-diff", "assert_cmd", "assert_fs", "assert_matches", "bencher", "cargo-husky", "claims", "compiletest_rs", "criterion",
     "cucumber", "dbg-macro", "divan", "double", "expect-test", "faux", "goldenfile", "galvanic-assert", "httpmock", "iai",
     "iai-callgrind", "insta", "k9", "mockall", "mockall_double", "mockito", "mutagen", "predicates", "pretty_assertions", "proptest",
     "proptest-derive", "quickcheck", "quickcheck_macros", "rstest", "rstest_reuse", "serial_test", "similar-asserts", "speculoos",
     "spectral", "static_assertions_next", "test-case", "test-context", "test-generator", "test-log", "test-strategy", "testcontainers",
     "testcontainers-modules", "tokio-test", "tracing-test", "trybuild", "wasm-bindgen-test", "wiremock"}
)  # fmt: skip

_WINDOWS: Final = ("winapi", "winreg", "windows", "windows-service", "windows-sys", "wmi", "winrt-notification", "tauri-winrt-notification",
                   "winrt-toast", "windows-acl", "windows-version", "windows-registry", "named_pipe")  # fmt: skip
_APPLE: Final = ("cocoa", "core-foundation", "core-graphics", "core-text", "core-services", "fsevent", "fsevent-sys", "io-kit-sys",
                 "keychain-services", "launchd", "mac-notification-sys", "mach", "mach2", "metal", "objc", "objc2", "objc2-app-kit",
                 "objc2-foundation", "security-framework", "security-framework-sys", "system-configuration")  # fmt: skip
_LINUX: Final = ("aya", "caps", "capctl", "cgroups-rs", "dbus", "epoll", "evdev", "fanotify-rs", "fuser", "inotify", "inotify-sys", "io-uring",
                 "landlock", "libseccomp", "libsystemd", "netlink-sys", "procfs", "prctl", "rtnetlink", "sd-notify", "seccompiler",
                 "systemd", "tokio-uring", "udev", "zbus_systemd")  # fmt: skip
_UNIX: Final = (
    "daemonize",
    "nix",
    "pam",
    "pam-sys",
    "privdrop",
    "pwd",
    "rlimit",
    "signal-hook-tokio",
    "syslog",
    "termios",
    "uzers",
    "users",
)
#: Crate → the one platform on which it does something.
PLATFORM_CRATES: Final = {
    **dict.fromkeys(_WINDOWS, "Windows"),
    **dict.fromkeys(_APPLE, "macOS"),
    **dict.fromkeys(_LINUX, "Linux"),
    **dict.fromkeys(_UNIX, "Unix"),
}
