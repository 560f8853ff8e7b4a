-- Accounts of programs, which nobody signs in to: what they use is no person's. The class of data that a
-- key stands for: assumed where a request says none, and the least otherwise.

ALTER TABLE user_account ADD COLUMN is_service BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN data_class TEXT;
