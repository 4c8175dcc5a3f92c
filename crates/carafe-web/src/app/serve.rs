//! Serving an app inside a run: sockets, signals, drain.

mod error;
mod signals;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use carafe_core::rt::{ListenOptions, Listener, Runtime};
use carafe_core::shutdown;
use carafe_http::Server;
use carafe_rt::{Handle, Visitor};

pub use error::ServeError;

use super::App;
use super::config::{Address, Config, Ready};
use super::lifespan::{GRACE, Patience};
use super::service::AppService;

impl App {
    /// Serves the app on the address that `HOST` and `PORT` name, 127.0.0.1:5000 by default, until a
    /// signal or [`AppHandle::shutdown`](crate::AppHandle::shutdown) asks it to end.
    ///
    /// It comes to its end in order: it stops accepting; requests under way are answered, or
    /// cancelled after 10 s; jobs end, or are cancelled after 5 s; the hooks after serving run.
    ///
    /// # Errors
    ///
    /// [`ServeError`]: something is wrong with the app, a hook has failed, or the address cannot be
    /// had.
    ///
    /// # Panics
    ///
    /// Outside a run; [`App::run`] makes one.
    ///
    /// # Cancel safety
    ///
    /// A scope around it that is cancelled cancels requests and jobs, and waits for them. The hooks
    /// after serving do not run then.
    pub async fn serve(self) -> Result<(), ServeError> {
        self.serve_with(Config::from_env()).await
    }

    /// Serves the app as `config` says; else like [`serve`](App::serve).
    ///
    /// # Errors
    ///
    /// Like [`serve`](App::serve).
    pub async fn serve_with(self, config: Config) -> Result<(), ServeError> {
        let service = self.into_service()?;
        let graceful_timeout = config.graceful_timeout;
        let patience = Patience {
            background_timeout: config.background_timeout,
            overdue: async move {
                shutdown::requested().await;
                carafe_rt::sleep(graceful_timeout.saturating_add(GRACE)).await;
            },
        };
        let heeds_signals = config.heeds_signals;
        let server = Handle::current().visit(Serving { service: service.clone(), config });
        let life = service.live(server, patience);
        if heeds_signals { signals::heeding(life).await? } else { life.await? }
    }
}

/// Listens and serves, on the concrete runtime.
struct Serving {
    service: AppService,
    config: Config,
}

impl Visitor for Serving {
    type Out = Pin<Box<dyn Future<Output = Result<(), ServeError>> + Send>>;

    fn visit<R: Runtime>(self, rt: &R) -> Self::Out {
        let rt = rt.clone();
        Box::pin(async move {
            if shutdown::is_requested() {
                // Asked to end while it started.
                return Ok(());
            }
            let Config { address, ready, max_connections, graceful_timeout, .. } = self.config;
            let listener = listen(&rt, &address).await?;
            tell(listener.local_addr().map_err(|e| ServeError::listen(&address, e))?, ready);
            // When patience is over is the lifespan's to say: jobs have their own time after this.
            let mut server =
                Server::new(rt).graceful_timeout(graceful_timeout).begins_cancelling(false);
            if let Some(connections) = max_connections {
                server = server.max_connections(connections);
            }
            let served = server.serve(listener, self.service, shutdown::requested()).await;
            served.map(drop).map_err(ServeError::server)
        })
    }
}

async fn listen<R: Runtime>(rt: &R, address: &Address) -> Result<R::TcpListener, ServeError> {
    let failed = |error| ServeError::listen(address, error);
    let found = rt.resolve(&address.host, address.port()?).await.map_err(failed)?;
    let Some(addr) = found.first() else {
        return Err(ServeError::address(address, "the host has no address"));
    };
    rt.bind(*addr, ListenOptions::default()).await.map_err(failed)
}

fn tell(addr: SocketAddr, ready: Option<Ready>) {
    match ready {
        Some(ready) => ready(addr),
        None => tracing::info!("running on http://{addr}"),
    }
}
