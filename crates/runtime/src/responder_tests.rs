//! The responder beside a node that is in no group; the lab has the others.

use super::*;
use identity::crypto::{AwsLc, Crypto};
use node::NodeConfig;
use std::sync::Arc;

