//! The list of cases, written once.

use crate::mount::Case;

/// Hands every case, by level and chapter, to the macro `$then`, behind `$with`.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($then:ident $with:tt) => {
        $crate::$then! { $with
            Core enter {
                a_loop_gives_the_output_of_its_main_future,
                the_main_future_stays_on_its_thread,
                the_main_future_may_borrow,
                a_panic_of_the_main_future_is_passed_on,
                a_panic_of_main_is_passed_on,
                a_loop_inside_itself_is_refused,
                a_loop_may_follow_another,
                two_loops_live_side_by_side,
                a_runtime_has_a_name,
                the_main_future_is_dropped_with_the_loop,
            }
            Core spawn {
                a_detached_task_makes_progress,
                a_task_is_polled_to_its_end,
                tasks_make_progress_together,
                a_foreign_thread_may_spawn,
                a_task_may_spawn,
                a_foreign_thread_may_wake,
                a_task_may_wake_itself,
                a_late_waker_is_harmless,
                a_thousand_tasks_all_end,
                a_panic_leaves_the_worker_alive,
                a_task_that_ends_is_dropped,
                a_loop_that_ends_drops_its_tasks,
                a_task_for_a_loop_that_has_ended_is_dropped,
                a_task_may_wake_the_main_future,
            }
            Time clock {
                a_sleep_is_never_early,
                a_deadline_in_the_past_ends_at_once,
                time_moves_on,
                the_time_of_day_moves_with_the_clock,
                a_sleep_may_be_created_off_the_loop,
                a_sleep_may_move_between_tasks,
                a_dropped_sleep_wakes_nobody,
                a_sleep_knows_its_deadline,
                a_sleep_reset_to_later_ends_later,
                a_sleep_reset_to_earlier_ends_earlier,
                a_sleep_that_has_ended_can_be_reset,
                a_sleep_can_be_reset_before_it_is_polled,
                sleeps_are_concurrent,
                a_deadline_may_be_a_hundred_years_away,
            }
            Core random {
                every_byte_is_filled,
                random_numbers_differ,
            }
            Blocking blocking {
                a_job_runs_on_another_thread,
                a_job_that_blocks_does_not_block_the_loop,
                jobs_that_wait_for_each_other_make_progress,
                a_foreign_thread_may_submit_a_job,
                a_job_may_submit_a_job,
                a_job_may_spawn_a_task,
                an_accepted_job_runs_though_the_loop_has_ended,
                hundreds_of_jobs_all_run,
            }
            Net net {
                a_listener_on_port_0_says_its_port,
                a_port_in_use_is_refused,
                sockets_may_share_a_port_if_all_agree,
                a_port_where_nobody_listens_refuses,
                both_ends_know_their_addresses,
                connections_wait_to_be_accepted,
                an_acceptor_is_woken_by_a_connection,
                bytes_go_both_ways,
                a_small_buffer_gets_what_fits,
                a_read_adds_to_what_the_buffer_has,
                a_read_fills_uninitialised_memory,
                a_reader_is_woken_by_bytes,
                a_writer_waits_for_its_reader,
                slices_are_written_in_order,
                a_vectored_write_takes_several_slices,
                a_half_closed_stream_still_reads,
                a_half_closed_stream_does_not_write,
                a_dropped_stream_is_the_end_for_its_peer,
                a_reader_is_woken_by_the_end,
                writing_to_a_peer_that_is_gone_fails,
                a_connect_that_is_dropped_harms_nobody,
                a_dropped_listener_refuses,
                options_are_taken,
                both_directions_are_busy_at_once,
                fifty_connections_are_answered,
                an_address_resolves_to_itself,
                localhost_resolves_to_the_loopback,
                an_unknown_host_is_an_error,
            }
            Core run {
                a_run_returns_the_output_of_main,
                a_run_inside_a_run_is_refused,
                a_closure_on_a_thread_may_start_a_run,
                a_panic_of_main_comes_out_when_its_tasks_are_gone,
                a_run_waits_for_the_tasks_spawned_into_it,
                a_panic_in_a_task_of_the_run_disturbs_nobody,
                spawning_into_no_run_gives_the_future_back,
                a_nursery_outside_a_run_panics,
                what_is_ambient_is_so_in_every_task,
                a_task_knows_whether_it_is_in_a_run,
                the_live_tree_shows_who_is_alive,
                there_is_no_live_tree_outside_a_run,
                nurseries_nest_through_tasks,
            }
            Core nursery {
                children_make_progress_concurrently,
                a_nursery_returns_when_every_child_has_ended,
                an_empty_nursery_is_its_body,
                a_body_may_borrow,
                a_child_may_spawn_after_the_body_has_ended,
                a_closed_nursery_gives_the_future_back,
                spawning_into_a_closed_nursery_panics,
                a_child_belongs_to_the_nursery_and_not_to_its_spawner,
                what_a_child_holds_is_dropped_before_the_nursery_returns,
                a_child_of_a_cancelled_nursery_runs_to_its_first_suspension,
                a_child_that_ends_as_it_is_cancelled_has_ended,
                cancel_as_the_last_line_is_no_error,
                a_cancelled_body_is_an_error,
                nurseries_may_be_cancelled_one_after_the_other,
                a_deadline_may_be_set_while_the_nursery_waits,
                a_deadline_of_a_nursery_interrupts_its_body,
                waiting_for_a_shielded_child_burns_nothing,
                a_nursery_counts_its_children,
                a_foreign_thread_may_spawn_and_cancel,
                a_thousand_children_are_joined,
                a_limit_bounds_the_children_that_run,
                turns_come_in_the_order_of_spawning,
                a_child_that_never_had_its_turn_is_dropped_unpolled,
                a_turn_ends_with_the_childs_destructors,
            }
            Core errors {
                an_error_of_a_child_comes_out,
                an_error_of_a_child_interrupts_the_body,
                an_error_of_a_child_cancels_its_siblings,
                an_error_of_the_body_cancels_the_children,
                errors_of_body_and_child_are_both_reported,
                an_error_during_clean_up_is_reported,
                cancellation_is_no_error,
                errors_beat_cancellation,
                reports_nest,
                one_failure_is_reported_like_many,
                a_supervised_error_goes_to_the_hook,
                an_error_of_a_supervising_body_comes_out,
            }
            Core panics {
                a_panic_of_a_child_unwinds_in_the_parent,
                a_panic_of_the_body_waits_for_the_children,
                the_first_of_several_panics_unwinds,
                errors_beside_a_panic_go_to_the_hook,
                a_panic_in_a_destructor_is_the_childs,
                a_panic_unwinds_through_nested_nurseries,
                a_supervised_panic_goes_to_the_hook,
                a_panic_in_a_scope_leaves_the_scopes_around_intact,
            }
            Core cancel {
                cancel_is_sticky,
                the_first_reason_sticks,
                a_scope_gives_the_value_of_its_future,
                a_scope_may_be_cancelled_before_it_is_entered,
                another_task_may_cancel,
                a_foreign_thread_may_cancel,
                a_cancellation_without_a_suspension_interrupts_nothing,
                what_ends_as_it_is_cancelled_keeps_its_value,
                the_outermost_cancelled_scope_catches,
                a_scope_cancelled_during_a_drop_inside_catches,
                a_cancellation_reaches_all_descendants,
                a_nursery_that_waits_is_cancelled_too,
                a_nursery_does_not_invent_a_cancellation,
                a_scope_inside_a_child_is_its_own_business,
                a_scope_is_for_a_single_use,
                cancelling_a_scope_that_has_ended_does_nothing,
                a_checkpoint_suspends_once,
                a_dropped_scope_drops_its_future,
                a_scope_knows_that_it_is_held,
                a_scope_may_move_to_another_task,
                a_nursery_opened_in_a_cancelled_scope_is_cancelled,
                deeply_nested_scopes_are_cancelled,
            }
            Core deadline {
                a_deadline_interrupts,
                what_ends_in_time_gives_its_value,
                a_deadline_that_is_over_moves_no_clock,
                a_deadline_moved_to_the_past_interrupts,
                a_deadline_moved_to_later_is_the_later_one,
                a_waiting_scope_ends_at_the_deadline_it_was_moved_to,
                a_deadline_that_is_removed_does_not_interrupt,
                no_time_at_all_is_enough_for_the_first_part,
                no_time_at_all_is_enough_for_what_is_ready,
                a_time_too_long_for_the_clock_is_no_limit,
                a_timeout_says_that_its_time_has_elapsed,
                a_scope_cancelled_before_its_deadline_says_so,
                the_earlier_outer_deadline_catches,
                the_earlier_inner_deadline_catches,
                a_cancellation_outside_passes_through_a_timeout,
                a_timeout_under_a_shield_goes_by_its_own_deadline,
                a_deadline_outside_is_not_seen_under_a_shield,
                a_deadline_that_passed_meanwhile_is_noticed,
                a_timeout_around_a_nursery_joins_all,
                of_two_deadlines_at_once_the_outer_catches,
                a_passed_deadline_does_not_come_back,
                many_deadlines_pass_in_order,
            }
            Core start {
                start_gives_the_value_and_the_child_goes_on,
                a_function_that_can_be_started_runs_alone,
                a_child_that_does_not_start_is_the_starters_alone,
                cancelling_a_start_cancels_its_child,
                a_child_of_a_cancelled_start_does_not_move,
                a_start_in_a_closed_nursery_fails_at_once,
                a_pending_start_keeps_the_nursery_open,
                a_pending_start_that_fails_closes_the_nursery_quietly,
                an_error_after_started_is_the_nurserys,
                a_cancelled_start_leaves_the_nursery_alone,
                a_start_in_a_cancelled_nursery_runs_to_the_first_suspension,
                a_started_child_is_cancelled_with_its_nursery,
            }
            Core task {
                a_handle_gives_the_value,
                a_failure_is_reported_once,
                joining_a_child_that_fails_is_interrupted,
                waiting_for_a_child_never_fails,
                dropping_a_handle_changes_nothing,
                a_handle_cancels_its_child_alone,
                a_handle_tells_how_its_child_ended,
            }
            Core finally {
                a_clean_up_follows_a_value,
                a_cancelled_scope_waits_for_a_clean_up,
                a_clean_up_follows_a_panic,
                a_child_cleans_up_when_its_nursery_is_cancelled,
                a_clean_up_runs_inside_a_combinator,
                a_dropped_body_has_no_clean_up,
                a_shielded_scope_is_not_shielded_from_itself,
                lowering_a_shield_delivers_the_cancellation,
                a_shield_can_be_lowered_from_outside,
                a_shield_raised_too_late_changes_nothing,
                a_shield_for_a_time_ends_with_it,
                each_kind_of_checkpoint_does_its_part,
                the_effective_deadline_is_the_earliest_around,
            }
            Core join {
                all_gives_the_values_in_order,
                all_of_nothing_is_nothing,
                all_is_cancelled_by_the_first_error,
                all_reports_the_errors_of_clean_ups,
                all_passes_a_panic_on,
                all_is_cancelled_from_outside,
                any_ok_gives_the_first_value,
                any_ok_gives_all_errors,
                any_ok_of_nothing_panics,
                race_gives_the_first_end,
                results_come_as_they_are_completed,
                results_do_not_wait_for_who_asks,
                a_dropped_stream_of_results_is_adopted,
                a_panic_comes_out_of_the_stream,
                borrowing_children_run_side_by_side,
                values_of_borrowing_children_are_joined,
                a_borrowing_child_may_spawn_siblings,
                an_error_of_a_borrowing_child_drops_the_others,
                errors_of_body_and_borrowing_children_are_reported,
                a_panic_of_a_borrowing_child_unwinds,
                a_destructor_of_a_borrowing_child_may_panic,
                a_join_scope_is_cancelled_from_outside,
                a_borrowing_child_goes_when_it_holds_no_more,
                a_join_scope_may_be_cancelled,
                a_child_of_a_cancelled_join_scope_starts,
                only_woken_children_are_polled,
                a_nursery_in_a_borrowing_child_is_waited_for,
                a_nursery_in_a_borrowing_child_hears_from_outside,
                a_dropped_join_scope_hands_its_nurseries_on,
                a_join_scope_lives_in_any_task,
                local_children_need_not_be_send,
                an_ended_join_scope_refuses_children,
                another_task_may_add_borrowing_children,
                a_borrowing_child_has_the_locals_of_its_spawner,
                a_thousand_borrowing_children_are_joined,
            }
            Core locals {
                a_child_sees_what_was_bound_at_its_spawn,
                a_binding_does_not_leak,
                locals_come_from_the_spawner,
                bindings_survive_migration_and_panics,
                futures_side_by_side_see_their_own,
                a_thread_sees_the_bindings_of_its_caller,
                a_key_of_ones_own_is_not_inherited,
            }
            Core shield {
                a_shield_gives_the_value_of_its_future,
                a_cancelled_scope_waits_for_a_shield,
                scopes_inside_a_shield_still_cancel,
                behind_a_shield_the_outermost_cancellation_is_delivered,
                a_shield_in_the_body_does_not_shield_the_children,
                a_nursery_waits_for_a_shield_in_its_body,
                a_nursery_waits_for_a_shield_in_a_child,
                a_dropped_shield_holds_nothing,
                a_shield_dropped_later_lets_the_scope_end,
                a_scope_waits_for_two_shields,
                shields_nest,
                a_nursery_under_a_shield_is_not_cancelled,
            }
            Core adoption {
                a_dropped_nursery_is_adopted_by_the_one_around,
                an_adopter_is_not_cancelled,
                a_run_adopts_what_nobody_else_does,
                a_leaked_nursery_is_noticed_when_its_task_ends,
                a_nursery_may_move_to_another_task,
                a_nursery_that_outlives_its_task_is_cancelled,
                nested_nurseries_are_adopted_in_a_chain,
                an_error_of_an_adopted_child_goes_to_the_hook,
                a_panic_of_an_adopted_child_unwinds_in_the_adopter,
                a_scope_around_a_nursery_waits_for_it,
                a_nursery_dropped_by_hand_is_adopted,
                a_nursery_dropped_in_a_task_is_adopted_by_the_tasks_nursery,
                a_nursery_dropped_on_a_foreign_thread_is_adopted,
                a_nursery_that_was_never_polled_leaves_no_trace,
                a_dropped_closure_is_waited_for,
                a_nursery_among_woken_futures_hears_of_a_cancellation,
                a_shield_among_woken_futures_is_waited_for,
                a_scope_among_woken_futures_is_interrupted,
                a_closure_among_woken_futures_is_waited_for,
            }
            Blocking threads {
                a_closure_runs_on_another_thread,
                an_error_of_a_closure_comes_back,
                a_panic_of_a_closure_unwinds_in_the_one_who_waits,
                a_cancelled_scope_waits_for_a_closure,
                a_closure_that_has_not_started_never_runs,
                an_abandoned_closure_is_not_waited_for,
                an_abandoned_closure_may_outlive_the_run,
                a_nursery_waits_for_the_closure_of_a_child,
                two_closures_may_wait_for_each_other,
                a_limiter_bounds_the_closures,
                a_closure_gives_its_token_back,
                a_closure_is_in_the_live_tree,
                a_closure_may_use_a_nursery,
            }
            Core limiter {
                a_limiter_gives_its_tokens_and_takes_them_back,
                a_token_that_is_given_back_belongs_to_the_one_who_waits,
                those_who_wait_are_served_in_order,
                one_who_gives_up_leaves_the_queue,
                a_token_that_is_not_taken_goes_to_the_next,
                a_cancelled_task_does_not_keep_a_token,
                a_borrower_has_one_token,
                a_borrower_that_waits_counts_as_one,
                a_borrower_that_does_not_take_its_token_has_none,
                a_limiter_grows_and_shrinks,
                an_unlimited_limiter_never_blocks,
                who_never_waits_for_a_token_suspends_now_and_then,
                a_token_that_was_waited_for_is_not_held_back,
            }
            Core channel {
                a_full_channel_and_an_empty_one_say_so,
                what_is_buffered_is_received_before_the_end,
                without_a_buffer_a_send_waits_for_its_receiver,
                without_a_buffer_a_receiver_waits_for_its_sender,
                without_a_buffer_it_takes_two,
                a_sender_gets_its_item_back_when_nobody_receives,
                the_last_receiver_drops_what_is_buffered,
                a_receiver_that_waits_hears_of_the_end,
                the_counts_are_exact,
                each_item_is_received_once,
                every_receiver_that_waits_gets_its_turn,
                a_receiver_that_waits_owns_the_next_item,
                a_sender_that_waits_owns_the_next_slot,
                a_cancelled_send_drops_its_item_once,
                a_slot_that_is_given_up_goes_to_the_next,
                without_a_buffer_a_slot_is_a_receiver_that_waits,
                an_unbounded_channel_takes_everything,
                an_item_handed_over_wins_over_a_cancellation,
                what_was_handed_over_between_tasks_is_there,
                a_cancelled_waiter_leaves_nothing_behind,
                an_item_that_is_not_taken_goes_to_the_next,
                an_item_that_is_not_taken_goes_back_to_the_front,
                the_end_waits_for_what_may_come_back,
                a_dropped_stream_gives_its_item_back,
                nothing_is_lost_by_dropping_at_any_poll,
                a_loop_that_is_always_ready_is_interrupted,
                each_poll_has_a_budget_of_its_own,
            }
            Core sync {
                an_event_is_heard_by_all_and_stays,
                a_mutex_is_handed_over_in_order,
                a_mutex_is_not_kept_by_one_who_is_dropped,
                a_mutex_keeps_tasks_apart,
                a_semaphore_gives_its_permits,
                a_permit_that_is_not_taken_goes_to_the_next,
                a_barrier_waits_for_all,
                one_who_is_cancelled_at_a_barrier_has_not_come,
                a_oneshot_gives_its_value_once,
                a_value_that_was_sent_wins_over_a_cancellation,
                a_watch_gives_the_latest_value,
                a_change_is_not_lost_by_dropping,
                a_broadcast_reaches_everybody,
                a_broadcast_may_be_heard_by_nobody,
                whatever_is_ready_counts_as_work,
            }
            Shutdown shutdown {
                a_request_is_heard_in_every_task,
                a_closure_may_ask_for_the_end,
                a_request_is_for_one_run_only,
                outside_a_run_nothing_is_requested,
                cancelling_the_run_interrupts_everything,
                cancelling_the_run_is_a_request,
                main_keeps_its_value_when_the_run_is_cancelled,
                a_cancelled_run_waits_for_what_holds,
                beginning_to_cancel_cancels_nothing_itself,
                the_end_of_main_cancels_nobody,
            }
        }
    };
}

/// Makes the tests of one backend; see the [crate's page](crate).
///
/// ```text
/// conformance!(name, || recipe);
/// conformance!(name, || recipe, levels [Core, Time]);
/// conformance!(name, || recipe, skip {
///     "net::a_listener_on_port_0_says_its_port" => "this loop has fixed ports",
/// });
/// ```
///
/// The recipe is an expression that implements [`Enter`](carafe_core::rt::Enter); it is evaluated
/// once for each case. `levels` leaves out whole levels, `skip` single cases, each with its reason: a
/// case that is left out prints why, and `name::skips_are_listed` prints them all. Without these,
/// everything runs.
#[macro_export]
macro_rules! conformance {
    ($name:ident, || $recipe:expr
        $(, levels [$($level:ident),* $(,)?])?
        $(, skip { $($case:literal => $reason:literal),* $(,)? })? $(,)?
    ) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            const MOUNT: $crate::Mount = $crate::Mount {
                name: stringify!($name),
                levels: $crate::__levels!($([$($level),*])?),
                skips: &[$($($crate::Skip { case: $case, reason: $reason }),*)?],
            };

            fn recipe() -> impl $crate::Backend {
                $crate::Recipe::new(|| $recipe)
            }

            #[test]
            fn skips_are_listed() {
                MOUNT.report();
            }

            $crate::__cases!(__tests());
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __levels {
    () => { $crate::Level::ALL };
    ([$($level:ident),*]) => { &[$($crate::Level::$level),*] };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (() $($level:ident $chapter:ident { $($case:ident,)* })*) => {
        $(
            mod $chapter {
                $(
                    #[test]
                    fn $case() {
                        super::MOUNT.check(
                            $crate::Level::$level,
                            concat!(stringify!($chapter), "::", stringify!($case)),
                            || $crate::$chapter::$case(super::recipe()),
                        );
                    }
                )*
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    (() $($level:ident $chapter:ident { $($case:ident,)* })*) => {
        &[$($($crate::Case {
            level: $crate::Level::$level,
            name: concat!(stringify!($chapter), "::", stringify!($case)),
        },)*)*]
    };
}

/// Every case of the suite.
pub const CASES: &[Case] = __cases!(__list());
