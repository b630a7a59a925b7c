-- An account of the server can be kept and shut out.

ALTER TABLE server_account ADD COLUMN disabled boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN server_account.disabled IS 'Whether the account is refused like one with a wrong password.';
