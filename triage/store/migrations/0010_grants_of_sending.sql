-- Who may touch what came with sign-in, assessing and sending. Nothing is granted but what stands here.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;

-- hotline_public: why an item is closed decides whether a new report brings it back.
GRANT SELECT (closed_as) ON items TO hotline_public;

-- hotline_staff: signs in, looks, judges, approves, answers.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO hotline_staff;
GRANT INSERT ON join_links, credentials, sign_in_failures, sessions, skips, hand_ons, networks, sendings, sending_items
      TO hotline_staff;
GRANT UPDATE (used_at) ON join_links TO hotline_staff;
GRANT UPDATE ON credentials TO hotline_staff;
GRANT UPDATE (seen_at, ended_at) ON sessions TO hotline_staff;
GRANT UPDATE (fetched_at) ON looks TO hotline_staff;
GRANT UPDATE (round, verdict_basis) ON images TO hotline_staff;
GRANT UPDATE (settled_at, danger) ON items TO hotline_staff;
GRANT UPDATE (recipient_id, state, is_urgent, is_held, is_recalled, queued_at, next_try_at, nudged_at, tries, sent_at,
      left_as, answered_at, answer, reason) ON sendings TO hotline_staff;
GRANT DELETE ON networks, sign_in_failures TO hotline_staff;

-- hotline_worker: locates, issues, checks. It reads whom to tell, never where or by which key.
GRANT SELECT ON networks, hostings, online_checks, police_holds, sendings, sending_items TO hotline_worker;
GRANT SELECT (id, kind, country, asns, language, approved_at, disabled_at) ON recipients TO hotline_worker;
GRANT INSERT ON sendings, sending_items TO hotline_worker;
GRANT UPDATE (recipient_id, state, next_try_at, nudged_at, reason) ON sendings TO hotline_worker;

-- hotline_outbound: sends what was decided. What reporters wrote is none of its business.
REVOKE SELECT ON reports, report_items FROM hotline_outbound;
GRANT SELECT ON sendings, sending_items, networks, live_matches, shown_images, shown_children, online_checks,
      practice_names TO hotline_outbound;
GRANT SELECT (image_id, kind) ON evidence_objects TO hotline_outbound; -- whether bytes are kept, not where
GRANT UPDATE (state, queued_at, next_try_at, nudged_at, tries, started_at, sent_at, left_as, file_name, sha256, reason)
      ON sendings TO hotline_outbound;
-- A message that has not left yet may lose an item: it was reopened, or it is gone, or it moved elsewhere.
GRANT DELETE ON sending_items TO hotline_staff, hotline_worker, hotline_outbound;
