//! The statements of the platform's rules.
//!
//! Each statement slides its window over the times of the events, so the result does not depend on
//! when it runs: every few seconds, or once after an outage.

// Each statement bounds IDs on both sides, so that it reads its window by the primary key
// regardless of the size of the log, also under a generic plan: for a single bound, Postgres
// estimates a third of the log.

/// `$5`: patterns of actions.
pub(crate) const BURST_BY_ACCOUNT: &str = r"
    WITH recent AS (
        SELECT organization_id,
            coalesce(actor_id, CASE WHEN resource = 'user' THEN resource_id END) AS account,
            occurred_at
        FROM mainstay.audit_events
        WHERE id >= mainstay.audit_id_from($1 - make_interval(secs => $3))
          AND id < mainstay.audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1 - make_interval(secs => $3)
          AND occurred_at <= $2
          AND action LIKE ANY ($5)
    ),
    counted AS (
        SELECT organization_id, account, occurred_at,
            count(*) OVER (
                PARTITION BY organization_id, account
                ORDER BY occurred_at
                RANGE BETWEEN make_interval(secs => $3) PRECEDING AND CURRENT ROW
            ) AS events
        FROM recent
        WHERE account IS NOT NULL
    )
    SELECT organization_id, account, NULL::text AS address, max(occurred_at) AS last_at,
        max(events) AS events
    FROM counted
    WHERE occurred_at > $1 AND events >= $4
    GROUP BY organization_id, account
";

/// `$5`: patterns of actions.
pub(crate) const BURST_BY_ADDRESS: &str = r"
    WITH recent AS (
        SELECT organization_id, address, occurred_at
        FROM mainstay.audit_events
        WHERE id >= mainstay.audit_id_from($1 - make_interval(secs => $3))
          AND id < mainstay.audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1 - make_interval(secs => $3)
          AND occurred_at <= $2
          AND action LIKE ANY ($5)
    ),
    counted AS (
        SELECT organization_id, address, occurred_at,
            count(*) OVER (
                PARTITION BY organization_id, address
                ORDER BY occurred_at
                RANGE BETWEEN make_interval(secs => $3) PRECEDING AND CURRENT ROW
            ) AS events
        FROM recent
        WHERE address IS NOT NULL
    )
    SELECT organization_id, NULL::uuid AS account, address, max(occurred_at) AS last_at,
        max(events) AS events
    FROM counted
    WHERE occurred_at > $1 AND events >= $4
    GROUP BY organization_id, address
";

/// Compares a burst with the mean plus three standard deviations of those hours of the last 30 days
/// in which the account revealed anything. For an account without such hours, only the threshold
/// counts. Reads at most the newest 10,000 records of the account, and only if there is a burst.
pub(crate) const REVEALS_ABOVE_HABIT: &str = r"
    WITH recent AS (
        SELECT organization_id, actor_id, occurred_at
        FROM mainstay.audit_events
        WHERE id >= mainstay.audit_id_from($1 - make_interval(secs => $3))
          AND id < mainstay.audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1 - make_interval(secs => $3)
          AND occurred_at <= $2
          AND action LIKE '%.revealed'
          AND actor_id IS NOT NULL
    ),
    counted AS (
        SELECT organization_id, actor_id, occurred_at,
            count(*) OVER (
                PARTITION BY organization_id, actor_id
                ORDER BY occurred_at
                RANGE BETWEEN make_interval(secs => $3) PRECEDING AND CURRENT ROW
            ) AS events
        FROM recent
    ),
    bursts AS (
        SELECT organization_id, actor_id, max(occurred_at) AS last_at, max(events) AS events
        FROM counted
        WHERE occurred_at > $1 AND events >= $4
        GROUP BY organization_id, actor_id
    ),
    hours AS (
        SELECT b.organization_id, b.actor_id, count(*) AS events
        FROM bursts b
        CROSS JOIN LATERAL (
            SELECT organization_id, action, occurred_at
            FROM mainstay.audit_events
            WHERE actor_id = b.actor_id
              AND id >= mainstay.audit_id_from(b.last_at - interval '30 days')
              AND id < mainstay.audit_id_from(b.last_at + interval '2 seconds')
            ORDER BY id DESC
            LIMIT 10000
        ) AS e
        WHERE e.action LIKE '%.revealed'
          AND e.organization_id IS NOT DISTINCT FROM b.organization_id
          AND e.occurred_at > b.last_at - interval '30 days'
          AND e.occurred_at <= b.last_at - make_interval(secs => $3)
        GROUP BY b.organization_id, b.actor_id,
            floor(extract(epoch FROM b.last_at - e.occurred_at) / $3)
    ),
    habits AS (
        SELECT organization_id, actor_id, avg(events) + 3 * stddev_pop(events) AS events
        FROM hours
        GROUP BY organization_id, actor_id
    )
    SELECT b.organization_id, b.actor_id AS account, NULL::text AS address, b.last_at, b.events
    FROM bursts b
    LEFT JOIN habits h ON h.actor_id = b.actor_id
        AND h.organization_id IS NOT DISTINCT FROM b.organization_id
    WHERE b.events > coalesce(h.events, 0)
";

/// A network is the first 24 bits of an IPv4 address or the first 48 bits of an IPv6 address, which
/// usually belong to one site. Earlier sign-ins count in all organizations of the account.
///
/// The known networks of an account are those of its newest thousand records before the sign-in. An
/// account with that many records counts as having signed in before, so filling them with failures
/// causes a finding instead of hiding one.
pub(crate) const SIGN_IN_FROM_NEW_NETWORK: &str = r"
    WITH sign_ins AS (
        SELECT id, organization_id, resource_id AS account, occurred_at,
            network(
                set_masklen(address::inet, CASE family(address::inet) WHEN 4 THEN 24 ELSE 48 END)
            ) AS network
        FROM mainstay.audit_events
        WHERE id >= mainstay.audit_id_from($1)
          AND id < mainstay.audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1
          AND occurred_at <= $2
          AND action = 'authn_login_success'
          AND resource = 'user'
          AND address IS NOT NULL
    ),
    firsts AS (
        SELECT DISTINCT ON (account, network) id, organization_id, account, occurred_at, network
        FROM sign_ins
        ORDER BY account, network, occurred_at
    )
    SELECT organization_id, account, network::text AS address, occurred_at AS last_at,
        1::bigint AS events
    FROM firsts s
    WHERE CASE
        WHEN EXISTS (
            SELECT FROM (
                SELECT action, occurred_at, address
                FROM mainstay.audit_events e
                WHERE e.resource_id = s.account AND e.id < s.id
                ORDER BY e.id DESC
                LIMIT 1000
            ) AS earlier
            WHERE action = 'authn_login_success'
              AND occurred_at > s.occurred_at - make_interval(secs => $3)
              AND address::inet <<= s.network
        ) THEN false
        ELSE (
            SELECT count(*) FILTER (WHERE action = 'authn_login_success') >= $4 OR count(*) = 1000
            FROM (
                SELECT action
                FROM mainstay.audit_events e
                WHERE e.resource_id = s.account AND e.id < s.id
                ORDER BY e.id DESC
                LIMIT 1000
            ) AS earlier
        )
    END
";
