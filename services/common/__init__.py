"""What the services share: settings, logs, errors, access tokens, and how a service is started."""
