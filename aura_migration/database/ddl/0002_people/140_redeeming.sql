-- Redeeming in AuraConnect. One door for gift cards, points and house accounts: it locks the row, refuses what another
-- system still honours, and does the same request only once. Refusals carry a sentence for staff (SQLSTATE AU001).

CREATE FUNCTION aura.refuse_redeeming(what text, status text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF status = 'pending' THEN
        RAISE EXCEPTION 'This % is still honoured by the old POS; redeem it there. AuraConnect takes over at the switch.', what
            USING ERRCODE = 'AU001';
    ELSIF status <> 'active' THEN
        RAISE EXCEPTION 'This % cannot be redeemed: it is %.', what, status USING ERRCODE = 'AU001';
    END IF;
END $$;

CREATE FUNCTION aura.redeem_gift_card(card_id bigint, cents bigint, reference text, at timestamptz DEFAULT clock_timestamp())
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    card aura.gift_cards;
    done bigint;
BEGIN
    IF cents IS NULL OR cents <= 0 OR reference IS NULL OR reference = '' THEN
        RAISE EXCEPTION 'A redemption needs a positive amount and the reference of its payment.' USING ERRCODE = 'AU001';
    END IF;
    SELECT * INTO card FROM aura.gift_cards WHERE id = card_id AND deleted_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such gift card.' USING ERRCODE = 'AU001';
    END IF;
    SELECT balance_after_cents INTO done FROM aura.gift_card_transactions
    WHERE gift_card_id = card_id AND reference_id = reference AND source_vendor IS NULL AND transaction_type = 'redeemed';
    IF FOUND THEN
        RETURN done;
    END IF;
    PERFORM aura.refuse_redeeming('gift card', card.status);
    IF card.balance_cents < cents THEN
        RAISE EXCEPTION 'The card holds less than that.' USING ERRCODE = 'AU001';
    END IF;
    INSERT INTO aura.gift_card_transactions (restaurant_id, gift_card_id, transaction_type, amount_cents,
        balance_before_cents, balance_after_cents, reason, reference_id, occurred_at)
    VALUES (card.restaurant_id, card.id, 'redeemed', -cents, card.balance_cents, card.balance_cents - cents,
        'redeemed in AuraConnect', reference, at);
    UPDATE aura.gift_cards SET balance_cents = balance_cents - cents, last_activity_at = at, updated_at = at WHERE id = card.id;
    RETURN card.balance_cents - cents;
END $$;
COMMENT ON FUNCTION aura.redeem_gift_card IS
    'Redeem an amount once per reference; answers the balance after it. Refuses pending cards: the old POS still honours them';

CREATE FUNCTION aura.redeem_points(account_id bigint, points bigint, reference text, at timestamptz DEFAULT clock_timestamp())
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    account aura.loyalty_accounts;
    done bigint;
BEGIN
    IF points IS NULL OR points <= 0 OR reference IS NULL OR reference = '' THEN
        RAISE EXCEPTION 'A redemption needs a positive number of points and a reference.' USING ERRCODE = 'AU001';
    END IF;
    SELECT * INTO account FROM aura.loyalty_accounts WHERE id = account_id AND deleted_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such loyalty account.' USING ERRCODE = 'AU001';
    END IF;
    SELECT points_balance_after INTO done FROM aura.loyalty_points_transactions
    WHERE loyalty_account_id = account_id AND reference_id = reference AND source_vendor IS NULL AND transaction_type = 'redeemed';
    IF FOUND THEN
        RETURN done;
    END IF;
    PERFORM aura.refuse_redeeming('loyalty account', account.status);
    IF account.balance_points < points THEN
        RAISE EXCEPTION 'The account holds fewer points than that.' USING ERRCODE = 'AU001';
    END IF;
    INSERT INTO aura.loyalty_points_transactions (restaurant_id, loyalty_account_id, transaction_type, points_change,
        points_balance_before, points_balance_after, reason, reference_id, occurred_at)
    VALUES (account.restaurant_id, account.id, 'redeemed', -points, account.balance_points, account.balance_points - points,
        'redeemed in AuraConnect', reference, at);
    UPDATE aura.loyalty_accounts SET balance_points = balance_points - points, updated_at = at WHERE id = account.id;
    UPDATE aura.customers SET loyalty_points = loyalty_points - points, updated_at = at WHERE id = account.customer_id;
    RETURN account.balance_points - points;
END $$;

CREATE FUNCTION aura.redeem_account(account_id bigint, cents bigint, reference text, at timestamptz DEFAULT clock_timestamp())
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    account aura.house_accounts;
    done bigint;
    lowest bigint;
BEGIN
    IF cents IS NULL OR cents <= 0 OR reference IS NULL OR reference = '' THEN
        RAISE EXCEPTION 'A charge needs a positive amount and the reference of its payment.' USING ERRCODE = 'AU001';
    END IF;
    SELECT * INTO account FROM aura.house_accounts WHERE id = account_id AND deleted_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such account.' USING ERRCODE = 'AU001';
    END IF;
    SELECT balance_after_cents INTO done FROM aura.house_account_transactions
    WHERE house_account_id = account_id AND reference_id = reference AND source_vendor IS NULL;
    IF FOUND THEN
        RETURN done;
    END IF;
    PERFORM aura.refuse_redeeming(replace(account.kind, '_', ' '), account.status);
    lowest := CASE WHEN account.kind = 'house_account' THEN -coalesce(account.credit_limit_cents, 0) ELSE 0 END;
    IF account.balance_cents - cents < lowest THEN
        RAISE EXCEPTION 'That goes beyond what the account allows.' USING ERRCODE = 'AU001';
    END IF;
    INSERT INTO aura.house_account_transactions (restaurant_id, house_account_id, transaction_type, amount_cents,
        balance_before_cents, balance_after_cents, reason, reference_id, occurred_at)
    VALUES (account.restaurant_id, account.id, CASE WHEN account.kind = 'house_account' THEN 'charged' ELSE 'redeemed' END,
        -cents, account.balance_cents, account.balance_cents - cents, 'in AuraConnect', reference, at);
    UPDATE aura.house_accounts SET balance_cents = balance_cents - cents, last_activity_at = at, updated_at = at WHERE id = account.id;
    RETURN account.balance_cents - cents;
END $$;
