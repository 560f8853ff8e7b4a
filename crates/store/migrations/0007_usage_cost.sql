-- Where a call went and what it cost, as far as the route's price was known, in micro-euro.
ALTER TABLE usage_record ADD COLUMN place TEXT;
ALTER TABLE usage_record ADD COLUMN cost_micro_euro BIGINT;
