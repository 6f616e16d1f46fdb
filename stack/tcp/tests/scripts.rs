//! All packet scripts on the engine itself.

use mafo_tcp::script::EngineBench;

mafo_tcp::script_tests!(EngineBench);
