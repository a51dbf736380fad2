-- Who may touch what. Nothing is granted but what stands here; no runtime role owns a table.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hotline_public, hotline_staff, hotline_worker, hotline_outbound;

-- every role
GRANT SELECT ON schema_migrations, deployment TO hotline_public, hotline_staff, hotline_worker, hotline_outbound;
GRANT INSERT ON custody_events TO hotline_public, hotline_staff, hotline_worker, hotline_outbound;
GRANT EXECUTE ON FUNCTION lock_custody_heads(text[]) TO hotline_public, hotline_staff, hotline_worker, hotline_outbound;

-- hotline_public: insert reports, read what a receipt or a repeated request needs. It cannot read a URL or a note.
GRANT SELECT (id, scope, token_digest, expires_at, revoked_at), UPDATE (last_used_at) ON api_tokens TO hotline_public;
GRANT INSERT, SELECT (id, token_id, idempotency_key, body_digest, receipt_hmac, received_at) ON reports TO hotline_public;
GRANT INSERT ON report_unreadable_lines, report_items TO hotline_public;
GRANT INSERT (name, item_id, bytes, created_at) ON intake_objects TO hotline_public;
GRANT INSERT,
      SELECT (id, url_key, state, remit, danger, base_lane, lane, captured_at, moved_at, is_top_level),
      UPDATE (state, remit, danger, base_lane, reason, closed_as, moved_at, tries, next_try_at, nudged_at, is_top_level)
      ON items TO hotline_public;
GRANT SELECT (report_id, item_id) ON report_items TO hotline_public;

-- hotline_staff: reads all, decides, sets up. It writes no capture, fingerprint or evidence.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO hotline_staff;
GRANT INSERT ON persons, person_roles, api_tokens, hash_sets, hash_entries, hash_entry_fingerprints, looks,
      assessments, recipients, notices, referrals, police_holds TO hotline_staff;
GRANT UPDATE ON hash_sets, hash_entries, hash_entry_fingerprints, recipients, notices, referrals, police_holds
      TO hotline_staff;
GRANT UPDATE (disabled_at) ON persons TO hotline_staff;
GRANT UPDATE (revoked_at) ON api_tokens TO hotline_staff;
GRANT UPDATE (ended_at, shown_ms) ON looks TO hotline_staff;
GRANT UPDATE (state, verdict, verdict_baseline, settled_at) ON images TO hotline_staff;
GRANT UPDATE (state, remit, base_lane, reason, closed_as, moved_at, tries, next_try_at, nudged_at) ON items
      TO hotline_staff;
GRANT DELETE ON person_roles, hash_entry_fingerprints TO hotline_staff;
GRANT INSERT ON deployment, practice_names, hash_set_trusts, notice_items, hostings TO hotline_staff;
GRANT DELETE ON practice_names TO hotline_staff;
GRANT UPDATE ON hash_generation TO hotline_staff;

-- hotline_worker: captures, matches, seals, forgets.
GRANT SELECT ON practice_names, items, item_children, shown_children, shown_images, live_matches,
      intake_objects, captures, images, item_images,
      fingerprints, matches, evidence_objects, evidence_destroyed, hash_sets, hash_entries,
      hash_entry_fingerprints, hash_set_trusts, hash_generation, custody_heads TO hotline_worker;
GRANT SELECT (image_id, created_at) ON evidence_keys TO hotline_worker;
GRANT INSERT ON items, item_children, captures, images, item_images, fingerprints, matches, evidence_keys, evidence_objects,
      evidence_destroyed, hostings, online_checks TO hotline_worker;
GRANT UPDATE (state, remit, base_lane, reason, closed_as, moved_at, captured_at, capture_id, tries, next_try_at,
      nudged_at) ON items TO hotline_worker;
GRANT UPDATE ON item_children, captures, item_images TO hotline_worker;
GRANT UPDATE (media, can_be_shown, is_undecided, finding, format, width, height, frames) ON images
      TO hotline_worker; -- to complete an undecided one; verdicts stay out of reach
GRANT UPDATE (matched_generation) ON fingerprints TO hotline_worker;
GRANT UPDATE (consumed_at, deleted_at) ON intake_objects TO hotline_worker;
GRANT UPDATE (object_gone) ON evidence_destroyed TO hotline_worker;
GRANT DELETE ON evidence_keys, evidence_objects TO hotline_worker;
GRANT UPDATE (nudged_at) ON notices, referrals TO hotline_worker;
GRANT SELECT ON notices, referrals TO hotline_worker;

-- hotline_outbound: sends what was decided.
GRANT SELECT ON reports, report_items, items, item_children, captures, images, item_images, fingerprints, matches, hash_sets,
      hash_entries, assessments, hostings, recipients, notices, notice_items, referrals, packages, police_holds,
      custody_events, custody_heads TO hotline_outbound;
GRANT INSERT ON packages TO hotline_outbound;
GRANT UPDATE ON notices, referrals TO hotline_outbound;
