-- What calls cost is kept in nano-euro: many cost less than a micro-euro, and each was rounded up to a
-- whole one. Limits stay in micro-euro, as they are set. A sum of all that is larger than nine billion
-- euros can only be a mistake in a price, and would not fit.

ALTER TABLE usage_record RENAME COLUMN cost_micro_euro TO cost_nano_euro;
UPDATE usage_record SET cost_nano_euro = cost_nano_euro * 1000 WHERE cost_nano_euro > 0;

ALTER TABLE usage_month RENAME COLUMN micro_euro TO nano_euro;
UPDATE usage_month SET nano_euro = CASE WHEN nano_euro > 9000000000000000
    THEN 9000000000000000000 ELSE nano_euro * 1000 END;

ALTER TABLE usage_figure RENAME COLUMN cost_micro_euro TO cost_nano_euro;
UPDATE usage_figure SET cost_nano_euro = CASE WHEN cost_nano_euro > 9000000000000000
    THEN 9000000000000000000 ELSE cost_nano_euro * 1000 END;

UPDATE limit_lease SET amount = CASE WHEN amount > 9000000000000000
    THEN 9000000000000000000 ELSE amount * 1000 END WHERE meter = 'cost_per_month';
