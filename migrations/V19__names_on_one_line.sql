-- Names stand in letters, their subjects and terminals: none holds a control, separator or format character, and none is blank.

-- The characters of a name, as `mainstay_kernel::Line` has them. That type knows more of Unicode; this is for what writes past it.
CREATE FUNCTION is_line(name text) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT name !~ '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff]'
        AND name ~ '[^\s\u00a0\u3000]'
$$;
REVOKE ALL ON FUNCTION is_line(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_line(text) TO mainstay_server;

-- Names that were accepted before get one space for such characters: with them their authors wrote paragraphs into our letters.
CREATE FUNCTION pg_temp.as_line(name text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(nullif(btrim(regexp_replace(name,
        '[\s\u0001-\u001f\u007f-\u009f\u00a0\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3000\u3164\ufeff]+',
        ' ', 'g')), ''), 'Unnamed')
$$;
UPDATE organizations SET name = pg_temp.as_line(name) WHERE NOT is_line(name);
UPDATE users SET name = pg_temp.as_line(name) WHERE NOT is_line(name);
UPDATE api_keys SET name = pg_temp.as_line(name) WHERE NOT is_line(name);
UPDATE oauth_clients SET name = pg_temp.as_line(name) WHERE NOT is_line(name);

ALTER TABLE organizations ADD CONSTRAINT organizations_name_line CHECK (is_line(name));
ALTER TABLE users ADD CONSTRAINT users_name_line CHECK (is_line(name));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_name_line CHECK (is_line(name));
ALTER TABLE oauth_clients ADD CONSTRAINT oauth_clients_name_line CHECK (is_line(name));
