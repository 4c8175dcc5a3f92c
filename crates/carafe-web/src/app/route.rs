//! A rule with its handler.

use std::fmt;
use std::sync::Arc;

use crate::arg::Call;
use crate::handler::{Answer, Endpoint, HandlerSpec};
use crate::routing::{Argument, Rule, Serves};

/// A rule with its handler.
pub(crate) struct Route {
    pub(super) rule: Rule,
    pub(super) serves: Serves,
    pub(super) handler: HandlerSpec,
    endpoint: Box<dyn Endpoint>,
    /// Shared with the requests that are under way.
    arguments: Arc<[Argument]>,
}

impl Route {
    pub(super) fn new(
        rule: Rule,
        serves: Serves,
        handler: HandlerSpec,
        endpoint: Box<dyn Endpoint>,
    ) -> Self {
        let arguments = rule.arguments.as_slice().into();
        Route { rule, serves, handler, endpoint, arguments }
    }

    /// The rule, as it was written.
    pub(crate) fn rule(&self) -> &str {
        &self.rule.text
    }

    /// The handler's path.
    pub(crate) fn function(&self) -> &'static str {
        self.handler.function
    }

    pub(super) fn arguments(&self) -> &Arc<[Argument]> {
        &self.arguments
    }

    pub(super) fn call(&self, call: Call) -> Answer {
        self.endpoint.call(call)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("rule", &self.rule.text)
            .field("serves", &self.serves)
            .field("function", &self.handler.function)
            .finish_non_exhaustive()
    }
}
