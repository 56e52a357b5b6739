//! Mainspring on microcontrollers: the core on `embassy-executor`, `embassy-time` and `embassy-net`, with its records in flash.
//!
//! Nothing here is of one board. `examples/qemu` in the repository is a whole firmware for three of them.
//!
//! # To another board in an hour
//!
//! 1. Bring up `embassy-executor`, a time driver and a network driver, as for any embassy firmware. The executor should sleep
//!    when nothing is due: between deadlines this crate sets one timer, and no tick.
//! 2. Bring the flash: a driver of `embedded-storage` (wrapped in [`flash::Blocking`]) or `embedded-storage-async`, for a part
//!    whose words may be programmed again and again to clear bits ([`flash`] has the whole contract). Give the store pages of
//!    their own, blank at first; where something else was, [`flash::FlashStore::format`] makes them so.
//! 3. Choose sizes: [`memory::Memory`], [`net::SocketMemory`] and [`flash::FlashStore`] have them as parameters. All of it is
//!    zeros at first, so put it into `ConstStaticCell`s: it costs no flash, and is not built on the stack.
//! 4. Write the functions that tasks may run, and list them with [`actions!`].
//! 5. Decide who gets in ([`accounts`]), where random bytes come from (a TRNG as [`Entropy`](mainspring::ports::Entropy), or
//!    [`entropy::Seeded`]), and where the time comes from ([`sntp`], or a [`wall::Rtc`]). Until the time is known, calendar
//!    triggers wait.
//! 6. Make a [`host::Host`], start it, and spawn its tasks: one [`keep_time`](host::Host::keep_time), as many
//!    [`run_actions`](host::Host::run_actions) as actions may run at once, as many [`net::serve_socket`] as connections may be
//!    open, and [`sntp::keep_wall_clock`].
//!
//! | what a board brings | trait | what is there already |
//! | --- | --- | --- |
//! | the time since boot | `embassy_time_driver::Driver` | the drivers of embassy's chip crates |
//! | the network | `embassy_net_driver::Driver` | those, and the LAN9118 of `examples/qemu` |
//! | a NOR flash | `embedded_storage_async::nor_flash::MultiwriteNorFlash`, or that of `embedded_storage` in [`flash::Blocking`] | the chip crates' |
//! | records | [`keep::Keep`], a [`Store`](mainspring::ports::Store) | [`flash::FlashStore`] on that flash |
//! | random bytes | [`Entropy`](mainspring::ports::Entropy) | [`entropy::Seeded`] |
//! | who gets in | [`Accounts`](mainspring::ports::Accounts) | [`accounts::AccountBook`], with accounts in the firmware or in the store |
//! | what tasks run | [`actions::Actions`] | a table by [`actions!`] |
//! | a clock that goes on without power | [`wall::Rtc`] | none; [`sntp`] does without |
//! | a log | [`log::Log`] | `log::Defmt` with the feature `defmt`, [`log::Silent`] |
//!
//! ```ignore
//! let store = FlashStore::mount_in(STORE.uninit(), Blocking(flash), 0..SIZE, LONGEST.take(), Damage::GiveUp)?;
//! let host = HOST.init(Host::new(Parts { memory: MEMORY.take().lend(), store, /* … */ }));
//! host.start()?;
//! spawner.spawn(keep_time(host)?);
//! for socket in SOCKETS.take() {
//!     spawner.spawn(serve(host, stack, PORT, socket)?);
//! }
//! ```
//!
//! The whole of it, which the tests boot, is `examples/qemu/src/firmware.rs`: it is not compiled here, because an executor and a
//! driver are of a board.
//!
//! With the feature `xml` tasks are registered and retrieved over the network; the firmware has an allocator then, which is
//! used while one definition is read (`rlsf` makes blocks shorter where they are): about four bytes for each byte of a usual one in UTF-8, up to seven where it is all
//! elements without text, if the allocator makes blocks shorter where they are, twice that otherwise. Too little gets
//! `E_OUTOFMEMORY` for that call alone.
//!
//! # What it takes
//!
//! The firmware of `examples/qemu` is 346 KB of flash, whatever its sizes are. `examples/qemu/figures --sizes` builds it in the
//! three of `examples/qemu/src/sizes.rs`, and prints what the linker says of each:
//!
//! | tasks | connections | runs at once | longest XML, UTF-16 units | of it heap | memory, without the stack of 11 KB | flash for records |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | 8 | 2 | 3 | 1,500 | 7 KB | 48 KB | 24 KB |
//! | 32 | 4 | 6 | 3,000 | 11.3 KB | 85 KB | 72 KB |
//! | 100 | 8 | 12 | 8,000 | 34 KB | 202 KB | 208 KB |
//!
//! The flash is for definitions of 400 bytes that fill 30 % of it, and there are keys for as many of those: a definition of more
//! than half a kilobyte takes a key for each 495 bytes and one more, so give `KEYS` that many for each long one, and one for
//! each record of the history ([`memory::HISTORY`]). What each task, run, connection and call adds, says
//! [`memory`], and the compiler checks it.
//!
//! What a power cut leaves, how much flash a run wears, how long a call takes at most, and how to choose pages for ten years
//! says [`flash`]. Devices that are shipped with their tasks get them as a flash image from `mainspring image build`;
//! `examples/no-alloc` runs such an image without network or allocator, in 134 KB of flash and 23 KB of memory.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "embassy")]
pub mod accounts;
#[cfg(feature = "embassy")]
pub mod actions;
#[cfg(feature = "embassy")]
pub mod entropy;
pub mod flash;
#[cfg(feature = "embassy")]
pub mod host;
#[cfg(feature = "embassy")]
pub mod keep;
#[cfg(feature = "embassy")]
pub mod log;
#[cfg(feature = "embassy")]
pub mod memory;
#[cfg(feature = "embassy")]
pub mod net;
#[cfg(feature = "embassy")]
pub mod sntp;
#[cfg(feature = "embassy")]
pub mod wall;

/// The core, so that the macro of this crate finds it, and a firmware needs no second dependency.
pub use mainspring as core;
