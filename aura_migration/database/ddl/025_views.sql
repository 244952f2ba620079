-- Read-only views with AuraConnect's own numeric column names, for tools that do not know `_cents`, and the menu as one
-- location sells it. Division by 100 holds for two-digit currencies; AuraConnect's numeric(10,2) knows no other.

CREATE VIEW auraconnect.restaurants AS SELECT * FROM aura.restaurants;
CREATE VIEW auraconnect.locations AS SELECT * FROM aura.locations;
CREATE VIEW auraconnect.menus AS SELECT * FROM aura.menus;
CREATE VIEW auraconnect.menu_categories AS SELECT * FROM aura.menu_categories;
CREATE VIEW auraconnect.menu_items AS
SELECT i.*, (i.price_cents / 100.0)::numeric(10, 2) AS price, (i.cost_cents / 100.0)::numeric(10, 2) AS cost FROM aura.menu_items i;
CREATE VIEW auraconnect.menu_item_variations AS
SELECT v.*, (v.price_cents / 100.0)::numeric(10, 2) AS price FROM aura.menu_item_variations v;
CREATE VIEW auraconnect.modifier_groups AS SELECT * FROM aura.modifier_groups;
CREATE VIEW auraconnect.modifiers AS
SELECT m.*, (m.price_adjustment_cents / 100.0)::numeric(10, 2) AS price_adjustment FROM aura.modifiers m;
CREATE VIEW auraconnect.menu_item_modifiers AS SELECT * FROM aura.menu_item_modifiers;
CREATE VIEW auraconnect.menu_item_location_overrides AS
SELECT o.*, (o.price_cents / 100.0)::numeric(10, 2) AS price FROM aura.menu_item_location_overrides o;
CREATE VIEW auraconnect.modifier_location_overrides AS
SELECT o.*, (o.price_cents / 100.0)::numeric(10, 2) AS price FROM aura.modifier_location_overrides o;
CREATE VIEW auraconnect.price_rules AS
SELECT r.*, (r.price_cents / 100.0)::numeric(10, 2) AS price FROM aura.price_rules r;
CREATE VIEW auraconnect.kitchen_stations AS SELECT * FROM aura.kitchen_stations;
CREATE VIEW auraconnect.menu_item_stations AS SELECT * FROM aura.menu_item_stations;
CREATE VIEW auraconnect.tax_rates AS SELECT * FROM aura.tax_rates;
CREATE VIEW auraconnect.inventory AS SELECT * FROM aura.inventory;

-- What each location sells, with its effective values. `variation_id` is null on the item's own row.
CREATE VIEW auraconnect.menu_at_location AS
SELECT l.restaurant_id, l.id AS location_id, i.id AS menu_item_id, NULL::bigint AS variation_id,
       coalesce(o.name, i.name) AS name,
       CASE WHEN o.price_type IS NULL THEN i.price_type ELSE o.price_type END AS price_type,
       CASE WHEN o.price_type IS NULL THEN i.price_cents ELSE o.price_cents END AS price_cents,
       coalesce(o.is_available, i.is_available) AS is_available,
       coalesce(o.is_active, i.is_active) AS is_active
FROM aura.locations l
JOIN aura.menu_items i ON i.restaurant_id = l.restaurant_id AND i.deleted_at IS NULL
LEFT JOIN aura.menu_item_location_overrides o
    ON o.location_id = l.id AND o.menu_item_id = i.id AND o.variation_id IS NULL AND o.deleted_at IS NULL
WHERE (i.listing = 'all' OR o.id IS NOT NULL) AND (i.location_id IS NULL OR i.location_id = l.id)
UNION ALL
SELECT l.restaurant_id, l.id, v.menu_item_id, v.id,
       coalesce(o.name, v.name),
       CASE WHEN o.price_type IS NULL THEN v.price_type ELSE o.price_type END,
       CASE WHEN o.price_type IS NULL THEN v.price_cents ELSE o.price_cents END,
       coalesce(o.is_available, v.is_available),
       coalesce(o.is_active, v.is_active)
FROM aura.locations l
JOIN aura.menu_item_variations v ON v.restaurant_id = l.restaurant_id AND v.deleted_at IS NULL
LEFT JOIN aura.menu_item_location_overrides o
    ON o.location_id = l.id AND o.variation_id = v.id AND o.deleted_at IS NULL
WHERE (v.listing = 'all' OR o.id IS NOT NULL) AND (v.location_id IS NULL OR v.location_id = l.id);
