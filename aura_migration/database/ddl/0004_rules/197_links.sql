-- An item may say otherwise than its group whether one option is chosen more than once; null: as the group says.

ALTER TABLE aura.menu_item_modifiers ADD COLUMN allow_quantities boolean;
CREATE OR REPLACE VIEW auraconnect.menu_item_modifiers AS SELECT * FROM aura.menu_item_modifiers;
