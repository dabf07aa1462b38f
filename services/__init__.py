"""The reference platform: auth, backend, frontend and the stand-in OpenID provider."""
