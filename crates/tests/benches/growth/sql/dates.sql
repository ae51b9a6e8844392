-- Five lots of 200 customers, 70 days apart, in the order of their ids; within a lot, a customer follows each millisecond.
UPDATE customers c
SET created_at = now() - interval '360 days'
    + place.number / 200 * interval '70 days'
    + place.number % 200 * interval '1 millisecond'
FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM customers) AS place
WHERE place.id = c.id;
