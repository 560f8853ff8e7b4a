//! Has the program built anew when the web interface changes, because it lies inside the binary.

fn main() {
    println!("cargo:rerun-if-changed=../../web/build");
}
