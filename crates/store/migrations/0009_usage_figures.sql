-- What calls have used becomes figures over enough people, day after day; figures never change again.
-- What a call cost is counted for the unit in which its caller was at the time.

ALTER TABLE unit ADD COLUMN cost_centre TEXT;

ALTER TABLE usage_record ADD COLUMN unit_id TEXT;
ALTER TABLE usage_record ADD COLUMN cached_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_record ADD COLUMN from_cache BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_record ADD COLUMN energy_mwh BIGINT;
-- The day for which it is counted, as its number since 1970-01-01: that of its end, or the first one
-- whose figures are not closed.
ALTER TABLE usage_record ADD COLUMN counted_on BIGINT;
UPDATE usage_record SET counted_on = at / 86400000000;
CREATE INDEX usage_record_day ON usage_record (tenant_id, counted_on);

-- Each row is a block: what at least so many people together have used in these days. In each view
-- every call is in exactly one block, so that nothing about fewer people can be had by subtraction.
-- subject is what the view is about: a unit, model, place or data class; empty for all the rest.
CREATE TABLE usage_figure (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    view TEXT NOT NULL,
    last_day BIGINT NOT NULL,
    subject TEXT NOT NULL,
    first_day BIGINT NOT NULL,
    people BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    from_cache BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cost_micro_euro BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    energy_mwh BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, view, last_day, subject)
);
