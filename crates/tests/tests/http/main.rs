//! Stories over HTTP: hosts, people, operators and attackers at the real router, each story on every engine.

mod advisories;
mod alive;
mod api_keys;
mod attacks;
mod attempts;
mod batches;
mod bodies;
mod canaries;
mod completion;
mod cookies;
mod coverage;
mod credentials;
mod description;
mod device_endings;
mod devices;
mod erasure;
mod evenness;
mod explanations;
mod exports;
mod feed;
mod fences;
mod forward_auth;
mod gate;
mod history;
mod ids;
mod introspection;
mod key_rotation;
mod likeness;
mod locations;
mod looks;
mod main_flow;
mod methods;
mod offers;
mod once;
mod operations;
mod policies;
mod policy;
mod policy_rules;
mod problems;
mod queries;
mod quickstart;
mod retention;
mod rotation;
mod security_events;
mod server_keys;
mod sessions;
mod throttles;
mod visits;

doorward_tests::on_each_engine! {
    advisories {
        nothing_is_given_before_the_second_factor,
        a_sign_in_in_progress_is_a_session_at_no_door,
        an_offer_is_bound_to_whom_it_was_made,
        each_entry_has_ids_and_secrets_of_its_own,
        two_people_of_one_browser_never_have_each_others_session,
        no_answer_goes_to_another_than_who_asked,
        following_a_link_changes_nothing,
        an_ending_reaches_every_door,
        a_change_of_factors_ends_sessions_and_trust,
        a_new_password_ends_sessions_whoever_set_it,
        what_ended_by_any_way_is_over_everywhere,
        what_has_expired_is_over_though_nobody_cleans_up,
        an_ending_outlives_a_restart,
        a_revoked_key_is_refused_at_its_next_use,
        only_ids_of_ones_own_end_anything,
        no_trust_outlives_what_it_rests_on,
        a_sign_out_keeps_the_trust_of_its_device,
        trust_that_is_used_each_day_ends_all_the_same,
        a_device_token_that_nobody_gave_is_missing,
        a_truncated_or_changed_token_is_no_token,
        a_refused_secret_leaves_every_row_as_it_was,
        no_token_follows_from_what_is_known_of_a_person,
        an_end_is_the_servers_and_a_value_is_one_devices,
        an_offer_is_taken_up_once_in_a_race_of_a_hundred,
        a_token_is_replaced_once_in_a_race,
        an_id_that_is_taken_is_never_taken_over,
        guesses_at_an_offer_are_counted,
        an_address_counts_by_its_network_however_it_is_spelled,
    }
    alive {
        verifying_counts_as_activity_once_a_minute,
        a_session_is_inactive_after_a_week_to_the_microsecond,
        a_token_that_proves_nothing_is_unknown,
        verifying_says_why_a_session_is_over,
        a_heartbeat_keeps_the_callers_own_session_alive,
        a_heartbeat_never_revives,
        a_clock_that_steps_back_revives_nothing,
        a_step_up_replaces_the_token_of_the_same_session,
        a_step_up_brings_an_offer,
        one_step_up_of_many_leaves_one_token,
        a_step_up_is_refused_for_what_isnt_live_or_isnt_theirs,
        a_step_up_by_an_older_factor_takes_no_newer_one_back,
    }
    api_keys {
        a_key_is_made_shown_once_and_does_what_its_role_says,
        a_key_ends_at_its_end_to_the_microsecond,
        a_revoked_key_is_refused_at_its_next_use,
        a_rotated_keys_old_text_stays_good_for_its_overlap_alone,
        the_last_admin_key_is_not_revoked_by_a_key,
        a_key_that_ends_makes_none_that_outlives_it,
        a_tenants_keys_are_its_own,
        the_last_use_is_written_by_the_upkeep_once_in_a_while,
        the_trail_names_who_changed_a_key,
        bad_words_about_a_key_are_named,
    }
    attacks {
        a_skip_in_progress_doesnt_outlive_the_trust_it_rested_on,
        a_mailbox_code_makes_no_device_fit_to_be_trusted_from_another,
        an_honest_clock_is_no_fault,
    }
    attempts {
        bad_words_about_an_attempt_are_named,
        what_just_fits_is_taken,
        bad_words_at_completion_are_named,
        the_same_faults_are_named_where_a_session_is_opened_directly,
    }
    batches {
        each_of_a_batch_is_told_as_if_it_had_come_alone,
        checking_a_batch_counts_as_activity_once_a_minute,
        a_batch_of_heartbeats_keeps_alive_what_lives,
        a_batch_holds_one_to_sixty_four_tokens,
        a_batch_that_races_an_ending_revives_nothing,
    }
    bodies {
        what_is_no_json_object_is_refused,
        unknown_and_repeated_fields_are_named,
        what_is_required_is_named,
        values_of_a_wrong_type_are_named,
        what_may_be_null_may_be_left_out_or_null,
        a_body_of_another_media_type_is_refused,
        bodies_are_at_most_64_kib,
        where_there_are_no_fields_only_an_empty_object_fits,
        a_body_is_read_before_ids_are_looked_up,
    }
    canaries {
        no_secret_shows_anywhere,
        what_is_kept_of_tokens_opens_nothing,
    }
    completion {
        a_challenge_without_its_factor_stays_open,
        a_sign_in_is_completed_once,
        one_of_sixty_four_completions_at_once_wins,
        sixty_four_first_sign_ins_at_once_make_one_account,
        a_sign_in_lasts_ten_minutes_to_the_microsecond,
        signing_out_everywhere_cancels_what_is_in_progress,
        signing_its_device_out_cancels_what_is_in_progress,
        a_person_who_has_no_second_factor_can_have_verified_none,
        a_fence_of_the_tenant_cancels_what_is_in_progress,
        a_hundred_newer_sign_ins_cancel_the_oldest,
        sign_ins_of_others_cancel_nothing,
        trust_that_went_meanwhile_is_told_at_completion,
        trust_that_came_meanwhile_spares_no_challenge,
        a_device_that_was_forgotten_meanwhile_is_a_new_one,
        a_device_that_was_hijacked_meanwhile_is_denied,
        a_denied_sign_in_stays_denied,
        a_disabled_account_is_denied_at_both_steps,
        a_stricter_policy_holds_for_what_is_in_progress,
        an_authentication_from_before_the_last_credential_event_is_refused,
        a_factor_is_stated_neither_of_the_future_nor_of_before_the_sign_in,
    }
    cookies {
        whatever_may_be_a_page_gets_a_cookie,
        a_bare_client_gets_the_token_in_the_body,
        several_users_of_one_browser_share_a_cookie_and_nothing_else,
        a_users_new_token_takes_the_place_of_their_old_one_in_the_cookie,
        garbage_in_the_cookie_is_dropped,
        a_page_whose_host_keeps_the_token_keeps_its_present_one_when_trust_is_renewed,
        the_cookie_of_dev_mode_counts_in_dev_mode_alone,
    }
    coverage {
        every_operation_is_refused_in_every_table,
    }
    credentials {
        no_operation_answers_without_credentials,
        wrong_api_keys_are_all_one,
        wrong_access_tokens_are_all_one,
        a_key_acts_in_its_own_tenant_alone,
        each_role_may_what_the_description_says_and_nothing_else,
        the_human_behind_a_call_has_a_short_visible_name,
        keys_that_have_ended_are_unknown,
    }
    description {
        the_description_is_served_as_it_is,
        every_described_path_is_there,
    }
    device_endings {
        untrusting_ends_what_lived_by_the_trust,
        untrusting_ones_own_device_spares_the_callers_session,
        untrusting_ends_all_of_its_sessions_on_request,
        an_operator_untrusts,
        a_hijacked_devices_token_is_denied_for_ever,
        a_superseded_token_of_a_hijacked_device_is_denied_as_well,
        a_released_device_stays_hijacked_in_the_list,
        trust_that_a_thief_gave_ends_with_the_report,
        a_forgotten_device_is_gone_and_its_history_stays,
        forgetting_ones_own_device_signs_out,
        all_other_devices_are_forgotten_only_where_that_is_said,
        signing_a_device_out_ends_its_sessions_and_keeps_its_trust,
        the_dangerous_wants_a_recent_authentication_where_the_policy_says_so,
    }
    devices {
        a_list_shows_the_trusted_ones_unless_asked_otherwise,
        pages_run_through_all_without_skipping_or_repeating,
        a_cursor_is_good_for_its_own_list_alone,
        a_device_is_shown_with_its_live_sessions,
        a_device_is_renamed,
        bad_names_are_refused_by_every_path_that_takes_one,
        trust_is_given_and_renewed_by_the_person,
        an_app_is_described_by_what_it_says_of_itself,
        client_hints_are_laid_over_the_user_agent,
    }
    erasure {
        an_erased_person_is_unknown_and_may_begin_anew,
        an_erasure_may_be_repeated_and_a_user_never_seen_is_answered_alike,
        an_erasure_is_written_down_first_or_not_done,
        an_ending_role_erases_and_no_other,
        who_comes_back_with_a_backup_is_erased_again_by_the_list,
        an_account_that_is_deleted_is_erased,
    }
    evenness {
        what_fits_nothing_costs_as_many_hashes_as_what_is_not_there,
        a_wrong_secret_is_answered_no_sooner_than_in_five_milliseconds,
        what_is_no_wrong_secret_is_answered_at_once,
    }
    exports {
        an_export_holds_every_row_and_column_and_no_secret,
        an_export_is_for_who_may_end_and_tells_nothing_of_others,
    }
    feed {
        everything_that_happens_comes_once_and_in_order,
        what_concerns_the_tenant_alone_is_nobodys,
        a_reader_that_waits_is_answered_when_something_happens,
        a_wait_for_nothing_ends_where_it_began,
        a_reader_that_waits_hears_of_another_node,
        a_cursor_is_good_in_its_own_tenant_alone,
        a_restore_begins_another_history,
        what_was_pruned_is_told_to_who_missed_it,
        a_node_that_stops_answers_who_waits,
    }
    fences {
        a_fence_ends_everything_of_its_tenant_and_nothing_of_another,
        a_fence_is_one_event_of_the_tenants_own_trail,
        a_fence_of_all_tenants_is_one_write,
        what_a_restore_brought_back_is_over,
        a_command_acts_in_its_own_tenant_and_under_its_humans_name,
    }
    forward_auth {
        whoever_is_signed_in_passes_under_all_the_headers,
        the_token_comes_as_bearer_or_in_the_hosts_cookie,
        a_proxy_names_its_tenant_once_there_are_two,
        where_there_is_one_tenant_none_need_be_named,
        a_required_factor_is_the_sessions_own_and_fresh_enough,
        what_a_proxy_asks_must_make_sense,
        passing_counts_as_activity_once_a_minute,
        what_has_ended_passes_no_more,
        nothing_of_a_sign_in_in_progress_passes,
        no_user_id_ends_a_header_or_begins_another,
    }
    gate {
        a_session_that_skipped_never_gives_trust,
        a_session_without_a_factor_gives_no_trust,
        a_factor_ages_by_every_path,
        an_offer_outlives_no_factor,
        weak_methods_seed_no_trust_by_any_path,
        every_other_method_seeds_trust,
        a_policy_may_name_other_methods,
        another_device_is_trusted_only_where_it_passed_a_factor_itself,
        a_change_of_factors_ends_what_older_factors_may_do,
        no_path_gives_trust_where_the_policy_allows_none,
        a_hijacked_device_is_trusted_by_no_path,
        a_host_vouches_for_any_device_of_the_user_alone,
        trust_lasts_no_longer_than_the_devices_own_factor_allows,
    }
    explanations {
        why_is_told_in_the_language_that_is_asked_for,
    }
    history {
        every_kind_of_event_is_written_and_says_what_the_list_says,
        a_life_leaves_an_event_of_every_kind,
        pages_run_through_the_whole_history,
        who_did_it_and_why_is_told,
        what_changes_nothing_leaves_no_event,
        each_person_has_their_own,
    }
    ids {
        whatever_isnt_theirs_is_as_unknown_as_what_isnt_there,
        users_that_are_malformed_or_unknown_are_one,
        another_tenants_key_sees_nobody,
        user_ids_are_the_hosts_own_to_the_byte,
    }
    introspection {
        a_live_token_is_told_in_the_words_of_the_rfc,
        whatever_isnt_live_is_inactive_and_no_more_is_told,
        introspection_is_no_activity,
        the_key_comes_in_its_header_or_as_a_password,
        a_password_may_be_encoded_as_a_form_or_not,
        the_form_is_read_as_oauth_servers_read_it,
    }
    likeness {
        likeness_on_the_same_network_identifies_and_skips,
        what_changed_too_much_is_challenged_and_told,
        what_is_kept_back_or_unsteady_identifies_nobody,
        without_attributes_likeness_identifies_nobody,
        a_sign_in_that_tells_nothing_takes_nothing_from_the_print,
        while_a_device_cant_be_compared_nobody_is_identified,
        a_mailbox_code_takes_no_print,
        of_two_alike_neither_is_identified,
        a_hijacked_lookalike_is_denied_and_a_token_wins_over_likeness,
        a_released_device_is_not_told_by_its_looks,
        trust_by_likeness_has_a_longest_time_of_its_own,
        trust_given_to_who_came_by_likeness_is_bound_by_it,
        a_policy_that_turned_strict_meanwhile_counts_at_completion,
        likeness_crosses_neither_users_nor_tenants,
        a_made_up_canvas_is_learnt_and_never_held_against_its_owner,
    }
    locations {
        places_are_shown_beside_addresses_and_go_with_them,
        without_a_database_there_are_no_places_and_no_signals,
        a_new_country_is_told_and_decides_nothing,
        impossible_travel_is_told_with_the_place_before,
        a_policy_lets_signals_challenge_and_trust_stays,
        signals_are_judged_again_at_completion,
        what_says_nothing_about_the_person_is_no_travel,
        signals_ask_nothing_of_who_was_asked_or_cant_be,
        a_session_opened_directly_tells_its_signals,
        another_edition_holds_at_the_next_request,
    }
    looks {
        a_persons_own_token_skips_whatever_else_changes,
        an_attacker_who_copies_everything_but_the_token_is_challenged,
        another_user_of_the_same_browser_never_inherits,
        the_same_user_of_another_tenant_never_inherits,
        a_fingerprint_shown_of_equal_looks_differs_by_tenant,
        of_several_that_look_alike_the_one_seen_last_is_hinted_at,
        the_order_of_attributes_makes_no_other_device,
        a_token_among_garbage_is_found,
        a_sign_in_is_explained_afterwards,
    }
    main_flow {
        a_device_is_trusted_and_then_skips_the_second_factor,
        an_app_takes_its_offer_up_by_itself,
        trust_holds_for_thirty_days_to_the_microsecond,
        the_box_beside_the_code_trusts_at_once,
        the_box_ticked_on_a_trusted_device_renews_its_trust,
        skipping_doesnt_slide_the_trust,
        a_person_without_a_second_factor_enters_and_is_offered_nothing,
        a_person_without_a_second_factor_is_refused_where_the_policy_wants_one,
        a_second_factor_that_was_verified_upstream_counts,
        a_sensitive_entry_is_never_skipped,
        a_host_that_wants_no_trust_gets_no_offer_and_no_trust,
        what_the_host_says_of_the_device_and_the_session_is_kept,
        amr_and_acr_say_what_this_session_proved_by_each_method,
    }
    methods {
        other_methods_are_refused_and_the_good_ones_named,
        what_isnt_there_is_not_found_whoever_asks,
        each_listener_serves_its_own,
        head_answers_as_get_without_a_body,
    }
    offers {
        an_offer_works_once,
        one_of_sixty_four_activations_at_once_wins,
        a_declined_offer_isnt_made_again_for_thirty_days,
        a_host_declines_for_the_person,
        trust_by_the_box_takes_a_no_back,
        an_offer_ends_after_five_minutes,
        an_offer_is_worth_nothing_to_others,
        an_offer_ends_with_its_session_and_its_trust,
        an_offer_on_a_hijacked_device_says_so,
        a_newer_offer_of_the_session_takes_the_place_of_the_older,
        the_old_device_token_is_superseded_when_trust_is_given,
    }
    once {
        a_lost_answer_is_given_again_by_every_call_that_creates,
        one_of_sixty_four_at_once_has_the_effect,
        one_of_sixty_four_accounts_gets_the_key,
        a_token_in_use_is_never_replaced,
        a_device_token_in_use_is_never_replaced,
        stray_retries_take_no_token_of_another_tab,
        a_retry_that_crosses_the_first_use_is_no_fault_of_the_host,
        what_is_over_is_not_answered_again,
        a_hijacked_devices_token_stays_denied,
        another_request_under_the_key_is_refused,
        a_key_is_the_tenants_own_and_a_persons_is_their_own,
        a_key_is_forgotten_after_a_day_to_the_microsecond,
        a_key_outlives_a_restart,
        a_refused_request_may_be_sent_again_in_other_words,
        bad_keys_are_refused,
    }
    operations {
        every_operation_answers_a_good_request,
    }
    policies {
        each_preset_says_exactly_this,
        a_policy_is_sent_back_as_it_was_read,
        a_change_is_one_commit_with_its_event,
        a_dry_run_says_what_would_change_and_changes_nothing,
        what_a_preset_forbids_is_named,
        what_is_out_of_bounds_or_contradictory_is_named,
        values_that_are_none_are_named,
        a_change_that_was_overtaken_is_refused,
        of_sixteen_changes_of_one_revision_one_is_made,
        another_tenants_policy_is_its_own,
    }
    policy_rules {
        a_row_is_made_looser_where_the_table_allows_it,
        a_row_is_made_stricter_where_the_table_allows_it,
        signing_out_everywhere_ends_the_callers_trust_where_the_policy_says_so,
        whoever_has_no_second_factor_is_refused_where_the_policy_says_so,
        a_method_that_seeds_no_trust_any_more_takes_none_back,
        under_a_stricter_freshness_old_proofs_give_nothing,
        lowered_caps_hold_from_the_next_sign_in_on,
        no_trust_is_given_under_nist,
    }
    policy {
        what_a_policy_without_device_trust_ended_never_comes_back,
        sessions_that_a_policys_limits_ended_never_come_back,
        trust_that_a_policys_limits_ended_never_comes_back,
        a_policy_ends_nothing_a_microsecond_early,
    }
    problems {
        each_kind_has_its_whole_body,
        a_problem_says_what_its_page_says,
        a_trace_is_taken_over,
        what_was_sent_is_repeated_in_dev_mode_alone,
        what_cant_be_known_is_503_for_every_operation,
        a_wrong_server_key_signs_nobody_out,
        refusals_come_in_their_order,
    }
    queries {
        unknown_and_repeated_parameters_are_named,
        bad_values_are_named,
        all_faults_are_told_at_once,
        an_empty_query_is_none,
    }
    retention {
        pruning_changes_no_verdict,
        which_parts_changed_is_kept_as_long_as_fingerprints_are,
        what_is_kept_no_longer_shows_as_null,
    }
    rotation {
        a_successor_comes_at_the_first_completion_after_a_month,
        lost_answers_and_races_cost_nothing,
        a_copy_of_an_old_value_ends_the_trust_of_its_device,
        trust_that_is_given_anew_forgives_no_copy,
        after_a_copy_was_told_the_device_isnt_trusted_from_another,
        a_copy_is_told_where_its_sign_in_is_refused,
        sixty_four_copies_at_once_are_told_once,
        where_an_answer_couldnt_bear_a_token_the_next_completion_does,
        a_hijacked_device_is_denied_by_each_of_its_values,
    }
    security_events {
        each_event_ends_what_its_row_says,
        an_event_says_what_it_ended,
        what_cant_be_kept_is_not,
        an_event_of_one_tenant_or_user_touches_no_other,
        an_event_for_a_user_never_seen_counts_from_then_on,
        a_disabled_account_is_shut_by_every_path_and_enabling_restores_nothing,
        an_event_reported_again_has_no_second_effect,
        sixty_four_reports_of_one_event_have_one_effect,
        sessions_opened_in_between_are_judged_by_when_they_began,
        bad_words_about_an_event_are_named_and_change_nothing,
    }
    server_keys {
        a_replaced_server_key_is_retired_once_nobody_needs_it,
        a_server_key_that_must_go_at_once_takes_along_what_is_under_it,
        an_api_key_is_never_unknown_to_a_node_that_lacks_a_server_key,
    }
    sessions {
        a_list_shows_the_live_ones_unless_asked_otherwise,
        pages_run_through_years_of_sessions,
        a_session_is_read_by_id_and_as_current,
        ending_a_session_ends_that_one_at_once,
        signing_out_everywhere_else_keeps_the_caller_and_the_trust_of_its_device,
        signing_out_everywhere_ends_all,
        an_operator_signs_a_person_out_everywhere,
        sessions_opened_directly_are_as_the_others,
        a_session_ends_at_its_absolute_end,
        at_the_cap_the_oldest_session_of_the_device_goes,
    }
    throttles {
        an_address_sends_300_wrong_secrets_in_ten_minutes_and_no_more,
        a_proxy_that_asks_for_a_caller_is_told_401_however_many_there_were,
        a_right_secret_is_served_from_a_throttled_address,
        wrong_secrets_harm_nobody_whom_they_name,
        what_is_known_counts_as_no_wrong_secret,
        guessing_activation_tokens_is_throttled,
        calls_with_a_good_key_are_exempt,
        a_network_of_64_bits_counts_as_one_address,
        only_a_trusted_proxy_says_who_asked,
        budgets_of_addresses_survive_a_restart,
        a_flood_of_wrong_secrets_is_no_flood_of_commits,
        without_its_store_the_throttle_counts_in_memory,
    }
    visits {
        a_command_leaves_neither_its_time_nor_its_server_key,
        a_command_is_refused_where_two_machines_differ_about_the_time,
    }
}
