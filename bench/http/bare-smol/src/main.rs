//! carafe-http on smol.

use carafe_smol::Smol;

fn main() -> std::io::Result<()> {
    bare::serve(Smol::multi_thread().threads(setup::threads()))
}
