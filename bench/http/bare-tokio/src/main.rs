//! carafe-http on tokio.

use carafe_tokio::Tokio;

fn main() -> std::io::Result<()> {
    bare::serve(Tokio::multi_thread().threads(setup::threads()))
}
