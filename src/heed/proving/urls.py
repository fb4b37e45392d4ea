from django.urls import path

from heed.proving import experiments_views, money_views, score_views, trigger_views, views, voices_views

app_name = "proving"

urlpatterns = [
    path("prove/", views.predicts, name="predicts"),
    path("prove/metrics/<slug:key>/", views.metric_card, name="metric_card"),
    path("prove/metrics/<slug:key>/rows/", views.metric_rows, name="metric_rows"),
    path("prove/risk/", views.risk, name="risk"),
    path("prove/risk/became/<slug:kind>/", views.became, name="became"),
    path("prove/risk/scores/<path:key>/", views.score, name="score"),
    path("prove/experiments/", experiments_views.experiments, name="experiments"),
    path("prove/experiments/new/", experiments_views.new_experiment, name="new_experiment"),
    path("prove/experiments/<int:pk>/", experiments_views.experiment, name="experiment"),
    path("prove/experiments/<int:pk>/rows/", experiments_views.experiment_rows, name="experiment_rows"),
    path("prove/experiments/<int:pk>/start/", experiments_views.start_experiment, name="start_experiment"),
    path("prove/experiments/<int:pk>/decide/", experiments_views.decide_experiment, name="decide_experiment"),
    path("prove/experiments/play-rows/<path:play>/", experiments_views.play_rows, name="play_rows"),
    path("prove/experiments/plays/<path:play>/", experiments_views.play, name="play"),
    path("prove/forecast/", money_views.forecast, name="forecast"),
    path("prove/blind-spots/", voices_views.blind_spots, name="blind_spots"),
    path("prove/captive/", voices_views.captive, name="captive"),
    path("prove/gears/", voices_views.gears, name="gears"),
    path("prove/decisions/", money_views.decisions, name="decisions"),
    path("prove/touches/", experiments_views.touches, name="touches"),
    path("prove/triggers/", trigger_views.triggers, name="triggers"),
    path("prove/triggers/new/", trigger_views.new_trigger, name="new_trigger"),
    path("prove/triggers/<int:pk>/", trigger_views.trigger, name="trigger"),
    path("prove/triggers/<int:pk>/rows/", trigger_views.trigger_rows, name="trigger_rows"),
    path("prove/triggers/<int:pk>/change/", trigger_views.change_trigger, name="change_trigger"),
    path("prove/triggers/<int:pk>/replay/", trigger_views.replay_trigger, name="replay_trigger"),
    path("prove/triggers/<int:pk>/progress/", trigger_views.replay_progress, name="replay_progress"),
    path("prove/triggers/<int:pk>/switch/", trigger_views.switch_trigger, name="switch_trigger"),
    path("prove/scores/", score_views.scores, name="scores"),
    path("prove/scores/new/", score_views.new_score, name="new_score"),
    path("prove/scores/<int:pk>/", score_views.hand_score, name="hand_score"),
    path("prove/scores/<int:pk>/rows/", score_views.hand_score_rows, name="hand_score_rows"),
    path(
        "prove/scores/<int:pk>/accounts/<path:key>/",
        score_views.hand_score_account,
        name="hand_score_account",
    ),
]
