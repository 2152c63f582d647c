//! The store's laws: what every engine keeps, each stated once and held against all of them.

mod accounts;
mod activations;
mod backups;
mod batches;
mod boundaries;
mod budgets;
mod caps;
mod endings;
mod erasure;
mod events;
mod feed;
mod isolation;
mod lists;
mod once;
mod reads;
mod refusals;
mod reopening;
mod retention;
mod round_trip;
mod sealing;
mod sign_ins;
mod sqlite_file;
mod tenants;
mod touching;

doorward_tests::on_each_engine! {
    accounts {
        sixty_four_first_updates_of_one_user_make_one_account,
        sixty_four_users_at_once_get_sixty_four_accounts,
        an_account_is_made_only_where_the_need_says_so,
        an_id_makes_no_account,
        a_refused_creation_makes_nothing,
        an_account_of_an_unknown_tenant_is_not_made,
        what_is_unknown_is_none,
        a_reference_with_another_shard_finds_nothing,
        a_reference_of_one_account_with_the_id_of_another_finds_nothing,
        no_update_is_lost_under_sixty_four_at_once,
        a_rule_sees_the_tenant_as_it_is_in_the_same_transaction,
        a_need_loads_what_it_names,
        memory_and_file_tell_the_same,
    }
    activations {
        one_of_sixty_four_activations_wins,
        an_offer_is_either_activated_or_declined,
        an_activation_that_races_a_report_leaves_no_trust,
        what_ends_the_session_or_the_trust_ends_the_offer,
        an_activation_token_is_worth_nothing_to_another,
    }
    batches {
        many_are_touched_in_their_order_and_each_as_if_alone,
        a_batch_writes_nothing_where_it_is_too_soon_or_too_late,
        batches_that_race_with_endings_revive_nothing,
        the_only_tenant_is_told_while_it_is_alone,
    }
    boundaries {
        a_session_ends_at_its_absolute_end_whatever_is_heard_of_it,
        a_session_is_over_once_it_was_idle_for_so_long,
        trust_ends_at_its_end,
        trust_never_outlives_the_longest_since_the_devices_own_factor,
        trust_that_would_be_over_at_once_is_refused,
        an_offer_ends_at_its_end,
        the_longest_offer_is_at_hand_to_its_end,
        a_second_factor_is_recent_to_the_microsecond,
        a_factor_must_be_newer_than_the_last_change_of_factors,
        a_sign_in_ends_after_ten_minutes,
        a_declined_offer_is_made_again_when_its_time_has_come,
        an_authentication_is_recent_to_the_microsecond,
        the_ends_of_time_are_ends,
        days_are_counted_in_seconds,
        reads_and_refusals_move_no_end,
    }
    budgets {
        a_budget_gives_its_limit_exactly_and_refills,
        sixty_four_spends_at_once_take_no_more_than_there_is,
        budgets_share_nothing,
        a_clock_that_steps_back_gives_nothing,
        a_budget_survives_a_restart,
        budgets_that_are_full_again_leave_no_row,
    }
    caps {
        a_hundred_and_twenty_eight_openings_at_once_leave_exactly_the_cap_of_sessions,
        at_the_cap_a_new_session_ends_one_on_its_own_device_first,
        a_hundred_and_twenty_eight_new_devices_at_once_leave_exactly_the_cap_of_devices,
        at_the_cap_the_device_heard_of_least_recently_goes,
        beside_a_full_set_of_trusted_devices_one_unverified_device_fits,
        the_trusted_devices_keep_to_the_cap_too,
        a_lowered_cap_holds_from_the_next_opening_on,
        hijacked_and_forgotten_devices_live_outside_the_count,
    }
    endings {
        ending_all_but_one_leaves_exactly_that_one,
        of_sixty_four_endings_that_each_keep_themselves_one_session_is_left_at_most,
        a_tenants_generation_ends_its_sessions_and_trust,
        an_accounts_generations_end_what_was_born_under_them,
        a_devices_generation_ends_its_sessions_and_sign_ins,
        a_session_that_opens_while_its_device_is_forgotten_doesnt_live,
        ending_again_changes_nothing,
    }
    erasure {
        what_was_held_is_gone_and_the_events_name_nobody,
        the_same_user_begins_anew_under_another_id,
        a_refused_erasure_changes_nothing,
        a_sign_in_is_not_appended_to_who_was_erased,
        whoever_signs_in_while_being_erased_is_erased_or_somebody_new,
        the_last_event_of_who_is_erased_is_the_erasure,
    }
    events {
        every_change_has_its_events_in_the_same_commit,
        event_numbers_are_gapless_and_in_order_under_sixty_four_writers,
    }
    feed {
        a_follower_misses_nothing_of_sixteen_writers_and_sees_each_account_in_its_order,
        a_tenants_feed_holds_its_own_events_alone,
        what_writes_nothing_leaves_no_gap_in_the_feed,
        the_bell_rings_after_what_it_tells_of_can_be_read,
        erasure_leaves_the_feed_as_it_was_written_and_nobody_in_it,
        a_feed_is_compared_under_every_server_key_at_hand_and_its_order_without,
        a_deleted_event_is_found,
        a_changed_event_is_found,
        an_event_at_another_time_is_found,
        a_deleted_entry_is_found,
        entries_that_changed_places_are_found,
        an_inserted_event_is_found,
        an_inserted_entry_is_found,
        a_tail_that_was_cut_off_is_found_by_the_head,
        a_tail_that_was_cut_off_with_its_head_is_found_by_a_head_kept_elsewhere,
        another_history_is_found_by_a_head_kept_elsewhere,
        a_head_that_was_moved_is_found,
        pruning_leaves_an_anchor_from_which_the_rest_is_as_it_was_written,
        what_was_altered_is_not_pruned,
    }
    isolation {
        equal_strings_share_nothing,
        a_device_token_of_another_is_simply_missing,
        crossed_access_tokens_open_nothing,
        no_list_shows_anothers,
        an_account_without_its_tenant_is_corrupt,
    }
    lists {
        pages_neither_skip_nor_repeat_what_is_there_all_along,
        a_forgotten_device_is_in_no_page_and_a_hijacked_one_is,
        a_list_is_of_one_moment,
        a_list_sees_the_tenant_of_its_moment,
    }
    once {
        a_record_comes_with_its_effect_and_is_found_by_its_key,
        a_refusal_leaves_no_record,
        one_of_sixty_four_requests_under_a_key_has_its_effect,
        one_of_sixty_four_accounts_gets_the_key,
        a_record_whose_day_is_over_gives_way_to_one_alone,
        old_records_are_removed_and_no_others,
    }
    reads {
        no_read_after_an_ending_says_active,
        no_read_after_an_untrust_says_trusted,
        everybody_reads_their_own_writes,
    }
    refusals {
        a_refusal_writes_nothing,
        a_panic_writes_nothing_and_the_store_goes_on,
        a_tenants_change_that_panics_writes_nothing,
        a_row_that_is_there_already_undoes_the_whole_change,
        neighbours_of_what_fails_are_committed,
        a_caller_that_goes_away_leaves_no_half_change,
        a_change_of_all_tenants_that_fails_halfway_is_told_by_nobody,
        a_batch_of_touches_that_fails_halfway_is_told_by_nobody,
    }
    reopening {
        what_was_there_is_there_again,
        a_closed_store_says_nothing_more,
        what_is_queued_before_a_close_is_finished,
        a_store_that_is_dropped_has_finished,
        pending_migrations_are_applied_by_no_visitor,
        a_newer_schema_is_refused,
        an_edited_migration_is_refused,
        an_unreadable_row_is_corrupt_and_not_unknown,
    }
    retention {
        batches_are_bounded_and_a_stop_in_the_middle_is_harmless,
        memory_and_file_tell_the_same_after_pruning,
        what_is_young_or_still_counts_stays,
        what_goes_by_age_goes_in_batches_and_no_younger,
        a_sign_in_added_while_its_person_was_erased_goes,
        the_walk_meets_every_account_once,
    }
    round_trip {
        every_field_of_every_row_comes_back_as_it_went_in,
        the_actor_is_named_in_full,
    }
    sealing {
        a_store_whose_server_key_is_not_known_tells_of_no_account,
        an_account_is_wrapped_under_the_new_server_key_when_it_is_changed,
        idle_accounts_are_wrapped_anew_in_small_batches,
        what_lies_under_each_server_key_is_counted,
        what_identifies_a_person_lies_open_nowhere,
        no_data_key_lies_open_in_the_database,
    }
    sign_ins {
        one_of_sixty_four_completions_wins,
        an_appended_sign_in_is_found_by_its_id_alone,
        a_sign_in_is_appended_once,
        sixty_four_appends_at_once_are_all_there,
        a_hundred_newer_open_sign_ins_cancel_an_older_one,
        a_sign_in_is_cancelled_by_what_ends_everything,
        completion_judges_again_what_was_evaluated,
        a_completion_that_races_a_sign_out_everywhere_doesnt_outlive_it,
    }
    tenants {
        a_tenant_comes_back_as_it_was_made,
        a_tenant_is_made_once,
        a_tenants_change_reaches_the_next_read_and_the_next_rule,
        changes_of_a_tenant_are_not_lost_under_sixty_four_at_once,
        an_unknown_tenant_is_not_changed,
        an_api_key_is_found_by_its_hash_alone,
        an_api_key_that_is_there_already_is_refused_whole,
        what_is_added_once_is_added_once_ever,
        no_name_is_taken_by_the_stores_own_facts,
        server_keys_must_fit_those_on_record,
        a_database_on_another_machine_tells_its_own_time,
        the_latest_moment_never_goes_back,
        of_sixty_four_moments_at_once_the_latest_stays,
        a_tenant_is_made_with_its_first_event_or_not_at_all,
        a_rule_over_all_tenants_is_one_commit,
        a_look_at_a_database_beside_its_server_changes_nothing,
        what_a_rule_does_to_a_tenant_its_keys_and_its_trail_is_one_commit,
        a_key_whose_hash_was_replaced_is_found_by_the_new_one_alone,
    }
    touching {
        a_touch_revives_nothing_that_was_ended,
        a_touch_revives_nothing_that_lapsed,
        a_touch_revives_nothing_of_a_fenced_tenant,
        heartbeats_that_race_an_ending_lose,
        activity_never_goes_back,
        a_rule_takes_back_no_activity_that_was_noted_beside_it,
        a_touch_is_noted_at_most_once_in_so_many_seconds,
        a_touch_keeps_a_session_alive_and_no_other,
    }
}
