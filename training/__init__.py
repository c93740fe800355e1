"""How the bundled models came to be; never imported by the runtime."""
