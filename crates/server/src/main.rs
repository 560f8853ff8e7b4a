//! The program `fachwerk`. Everything is in the library, so that tests can reach it.

fn main() -> std::process::ExitCode {
    server::run()
}
