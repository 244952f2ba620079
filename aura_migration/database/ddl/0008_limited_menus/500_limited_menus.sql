-- A restaurant may begin with part of its menu: AuraConnect sells that part, the old POS everything, until the full menu is enabled.
CREATE TABLE aura.limited_menus (
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    category_id bigint NOT NULL REFERENCES aura.menu_categories ON DELETE CASCADE,
    PRIMARY KEY (location_id, category_id)
);
COMMENT ON TABLE aura.limited_menus IS
    'while a location has rows here, AuraConnect offers only items of these categories there; without rows it offers all';

CREATE FUNCTION aura.offers(place bigint, item bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM aura.limited_menus l WHERE l.location_id = place)
        OR EXISTS (SELECT FROM aura.limited_menus l JOIN aura.menu_item_categories c ON c.category_id = l.category_id
                   WHERE l.location_id = place AND c.menu_item_id = item AND c.deleted_at IS NULL
                     AND (c.location_id IS NULL OR c.location_id = place))
$$;
COMMENT ON FUNCTION aura.offers IS 'whether the menu of a location, limited or not, has an item';
